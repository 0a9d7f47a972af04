"""Pretrained encoders, here small and with random weights read from a file as the real ones are."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import torch
import torchaudio

from ser import encoders
from ser.clips.audio import read_canonical
from ser.features.augmentation import augment_corpus
from ser.clips.manifest import clip_path
from ser.reading.data import load_system
from ser.features.encoders import BUNDLES, Encoder, span_means
from ser.core.errors import SerError
from ser.store.features import INDEX, PACK, read_index
from ser.features.front_ends import build_front_end, extract, featurize_corpus
from ser.models.storage import load_model, model_path, save_model
from ser.store.packs import Pack
from ser.params import ENCODER_LAYERS, Params
from ser.training.fold import train_fold
from tests.builders import (
    CORPUS,
    make_manifest,
    make_params,
    one_torch_thread,
    random_clip,
    tone,
    write_clips,
    write_splits,
)

Refused = Callable[..., AbstractContextManager[None]]

WIDTH = 8
SMALL = {
    "extractor_conv_layer_config": [(4, 10, 5), *[(4, 3, 2)] * 4, *[(4, 2, 2)] * 2],
    "encoder_embed_dim": WIDTH,
    "encoder_pos_conv_kernel": 4,
    "encoder_pos_conv_groups": 2,
    "encoder_num_heads": 2,
    "encoder_ff_interm_features": 12,
}


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    one_torch_thread()
    encoders._load.cache_clear()
    yield
    encoders._load.cache_clear()


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of weights, with small ones of every encoder, and no way to an accelerator."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    folder = tmp_path / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    for name in BUNDLES.values():
        bundle = getattr(torchaudio.pipelines, name)
        small = replace(bundle, _params={**bundle._params, **SMALL})
        monkeypatch.setattr(torchaudio.pipelines, name, small)
        model = torchaudio.pipelines._wav2vec2.utils._get_model(small._model_type, small._params)
        torch.save(model.state_dict(), folder / small._path)
    return folder


def encoder_params(name: str = "wavlm_base_plus", **changes: Any) -> Params:
    return make_params(
        {
            "features.front_end": name,
            "features.encoder_frame_ms": 60.0,
            **{f"features.{key}": value for key, value in changes.items()},
        }
    )


def encoder(name: str, frame_ms: float = 60.0) -> Encoder:
    built = build_front_end(encoder_params(name, encoder_frame_ms=frame_ms).features)
    assert isinstance(built, Encoder)
    return built


def test_every_encoder_is_listed_with_the_layers_that_torchaudio_gives_it() -> None:
    assert set(BUNDLES) == set(ENCODER_LAYERS)
    for name, bundle in BUNDLES.items():
        given = getattr(torchaudio.pipelines, bundle)
        assert given._params["encoder_num_layers"] == ENCODER_LAYERS[name], name
        assert given.sample_rate == 16_000, name


def test_every_encoder_sees_and_steps_as_far_as_assumed() -> None:
    for bundle in BUNDLES.values():
        field, stride = 1, 1
        for _, kernel, step in getattr(torchaudio.pipelines, bundle)._params[
            "extractor_conv_layer_config"
        ]:
            field, stride = field + (kernel - 1) * stride, stride * step
        assert field == encoders._RECEPTIVE_FIELD, bundle
        assert stride == encoders._STRIDE_MS * 16, bundle


@pytest.mark.parametrize("name", sorted(BUNDLES))
def test_a_row_holds_every_layer_averaged_over_its_span(weights: Path, name: str) -> None:
    samples = tone(440.0, 1.0)
    values = encoder(name)(samples)
    bundle = getattr(torchaudio.pipelines, BUNDLES[name])
    with torch.inference_mode():
        waveform = torch.from_numpy(samples).unsqueeze(0)
        layers, _ = bundle.get_model().eval().extract_features(waveform)
    assert values.shape == (17, ENCODER_LAYERS[name] * WIDTH)
    for number, layer in enumerate(layers):
        mine = values[:, number * WIDTH : (number + 1) * WIDTH]
        assert np.allclose(mine[1], layer[0, 3:6].mean(0), atol=1e-5), f"layer {number} differs"
        assert np.allclose(mine[16], layer[0, 48:].mean(0), atol=1e-5), f"the end of {number}"


@pytest.mark.parametrize("name", ["hubert_large", "wavlm_large", "xlsr_300m"])
def test_those_that_were_trained_on_normalised_waveforms_get_them(weights: Path, name: str) -> None:
    front_end, samples = encoder(name), tone(440.0, 0.5)
    assert np.allclose(front_end(samples), front_end(0.5 * samples), atol=1e-2), "level matters"


def test_a_clip_has_the_same_features_twice(weights: Path) -> None:
    samples = tone(300.0, 0.7)
    first = encoder("wavlm_base")(samples)
    encoders._load.cache_clear()
    assert np.array_equal(first, encoder("wavlm_base")(samples)), "features are not repeatable"


@pytest.mark.parametrize("length", [1, 399, 400, 719, 720, 5_000])
@pytest.mark.parametrize("name", ["wav2vec2_base", "wavlm_large"])
def test_short_and_silent_clips_have_finite_features(weights: Path, name: str, length: int) -> None:
    outputs = 1 + max(0, length - 400) // 320
    for samples in (tone(440.0, 0.5)[1 : 1 + length], np.zeros(length, dtype=np.float32)):
        values = encoder(name)(samples)
        assert len(values) == -(-outputs // 3)
        assert np.isfinite(values).all()


def test_large_outputs_stay_finite_in_half_precision(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = encoder_params()
    front_end = encoder("wavlm_base_plus")
    model = encoders._load("wavlm_base_plus")[0]
    huge = [torch.full((1, 4, WIDTH), 1e6)]
    monkeypatch.setattr(model, "extract_features", lambda waveforms: (huge, None))
    values = extract(random_clip(0), front_end, params.features)
    assert values.dtype == np.float16
    assert np.isfinite(values).all(), "half precision overflowed"


@pytest.mark.parametrize(
    ("span_ms", "expected"),
    [
        (20.0, [0, 1, 2, 3, 4, 5, 6]),
        (30.0, [0.5, 2, 3.5, 5, 6]),
        (60.0, [1, 4, 6]),
        (1000.0, [3]),
    ],
)
def test_spans_are_averaged(span_ms: float, expected: list[float]) -> None:
    outputs = np.arange(7, dtype=np.float32)[:, np.newaxis]
    assert span_means(outputs, span_ms)[:, 0].tolist() == expected


def written_corpus(folder: Path, params: Params) -> tuple[Any, Path, Path]:
    corpus, augmented = folder / "corpus", folder / "augmented"
    manifest = write_clips(make_manifest(speakers=3, clips_each=1), corpus)
    augment_corpus(manifest, corpus, augmented, params.augmentation, processes=1)
    return manifest, corpus, augmented


def test_a_corpus_is_featurized_alike_by_any_number_of_processes(
    weights: Path, tmp_path: Path
) -> None:
    params = encoder_params()
    manifest, corpus, augmented = written_corpus(tmp_path, params)
    for processes in (0, 1, 2):
        out = tmp_path / f"features-{processes}"
        featurize_corpus(manifest, corpus, augmented, out, params.features, processes)
        for name in (INDEX, PACK):
            first = (tmp_path / "features-0" / name).read_bytes()
            assert (out / name).read_bytes() == first, f"{name} differs with {processes} processes"
    index, pack = read_index(tmp_path / "features-0"), Pack(tmp_path / "features-0" / PACK)
    row = index.iloc[0]
    samples = read_canonical(clip_path(corpus, row["clip"]))
    expected = extract(samples, build_front_end(params.features), params.features)
    assert expected.shape[1] == 12 * WIDTH
    assert np.array_equal(pack.rows(row["start"], row["length"]), expected)


def test_an_accelerator_is_used_by_one_process_only(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = encoder_params()
    manifest, corpus, augmented = written_corpus(tmp_path, params)
    monkeypatch.setattr(Encoder, "on_accelerator", property(lambda self: True))

    def refuse(processes: int) -> None:
        pytest.fail(f"{processes} processes were forked beside an open accelerator")

    monkeypatch.setattr("ser.core.processes.worker_pool", refuse)
    featurize_corpus(manifest, corpus, augmented, tmp_path / "out", params.features, 2)
    assert (tmp_path / "out" / PACK).is_file()


def refuse_warp(*_: object) -> None:
    pytest.fail("the numbers of an embedding were warped as if they were neighbours")


def test_a_model_trains_on_layers(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ser.training.fold.warp_bands", refuse_warp)
    params = make_params(
        {
            "features.front_end": "hubert_base",
            "features.encoder_frame_ms": 40.0,
            "training.normalization": "train",
            "training.epochs": 3,
            "training.frequency_warp": 0.1,
            "optimizer": "muon",
        }
    )
    manifest, corpus, augmented = written_corpus(tmp_path, params)
    features, splits = tmp_path / "features", tmp_path / "splits"
    featurize_corpus(manifest, corpus, augmented, features / CORPUS, params.features)
    write_splits(manifest, splits / CORPUS)
    data = load_system(params, params.system("tiny"), splits, features)
    model, history = train_fold(params, data, 0, 0)
    assert all(np.isfinite(row.loss) for row in history), "the loss is not finite"
    assert model.networks[0].config.layers == 12
    scores = model.networks[0].front_end.scores
    assert scores.shape == (12,)
    assert scores.abs().max() > 0, "the weights of the layers do not learn"
    save_model(tmp_path / "models", model)
    kept = load_model(model_path(tmp_path / "models", 0, 0)).networks[0].state_dict()
    for name, value in model.networks[0].state_dict().items():
        assert torch.equal(kept[name], value), f"{name} is lost on the way to disk and back"
    again, _ = train_fold(params, data, 0, 0)
    assert torch.equal(again.networks[0].front_end.scores, scores), "training is not repeatable"


def no_network(*_: object, **__: object) -> None:
    raise URLError("Name or service not known")


def test_weights_that_cannot_be_fetched_are_one_sentence(
    weights: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    (weights / "wavlm_base_plus.pth").unlink()
    monkeypatch.setattr(torch.hub, "download_url_to_file", no_network)
    says = ("wavlm_base_plus", str(weights), "not known", "network")
    with refused(*says):
        build_front_end(encoder_params().features)


def test_a_failed_fetch_leaves_no_features(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = encoder_params()
    manifest, corpus, augmented = written_corpus(tmp_path, params)
    (weights / "wavlm_base_plus.pth").unlink()
    monkeypatch.setattr(torch.hub, "download_url_to_file", no_network)
    with pytest.raises(SerError, match="could not be fetched"):
        featurize_corpus(manifest, corpus, augmented, tmp_path / "out", params.features)
    assert not (tmp_path / "out").exists()


class Trap:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_code_in_a_file_of_weights_is_not_run(
    weights: Path, tmp_path: Path, refused: Refused
) -> None:
    torch.save(Trap(tmp_path / "sprung"), weights / "wavlm_base_plus.pth")
    with refused("wavlm_base_plus.pth", "delete it"):
        build_front_end(encoder_params().features)
    assert not (tmp_path / "sprung").exists(), "a pickle was loaded"


@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04 cut off"])
def test_damaged_weights_are_one_sentence(weights: Path, content: bytes, refused: Refused) -> None:
    (weights / "wavlm_base_plus.pth").write_bytes(content)
    with refused("wavlm_base_plus.pth", "is damaged or holds something else", "delete it"):
        build_front_end(encoder_params().features)


def test_weights_of_another_encoder_are_refused(weights: Path, refused: Refused) -> None:
    (weights / "wavlm_base_plus.pth").write_bytes(
        (weights / "hubert_fairseq_base_ls960.pth").read_bytes()
    )
    with refused("wavlm_base_plus.pth", "is damaged or holds something else"):
        build_front_end(encoder_params().features)
