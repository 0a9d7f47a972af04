"""Pretrained encoders, here small and with random weights read from a file as the real ones are."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pandas as pd
import pytest
import torch
import torchaudio

from ser.clips.audio import read_canonical
from ser.clips.manifest import clip_path
from ser.core.workers import VARIABLE
from ser.features import encoders
from ser.features.augmentation import augment_corpus
from ser.features.encoders import BUNDLES, Encoder, span_means
from ser.features.front_ends import build_front_end, extract, featurize_corpus
from ser.features.settings import ENCODER_LAYERS, Augmentation, load_features
from ser.models.storage import load_network, network_path, save_network
from ser.reading.data import load_system
from ser.reading.settings import load_system_settings
from ser.store.features import INDEX, PACK, read_index
from ser.store.packs import Pack
from ser.training.fold import train_fold
from tests.builders import (
    CORPUS,
    files_of,
    make_manifest,
    make_recipe,
    make_values,
    random_clip,
    tone,
    write_clips,
    write_splits,
)
from tests.conftest import Refused

WIDTH = 8
SMALL = {
    "extractor_conv_layer_config": [(4, 10, 5), *[(4, 3, 2)] * 4, *[(4, 2, 2)] * 2],
    "encoder_embed_dim": WIDTH,
    "encoder_pos_conv_kernel": 4,
    "encoder_pos_conv_groups": 2,
    "encoder_num_heads": 2,
    "encoder_ff_interm_features": 12,
}


@pytest.fixture(scope="module")
def _small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of small weights of every encoder; torchaudio's own are as small meanwhile."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        for name in BUNDLES.values():
            bundle = getattr(torchaudio.pipelines, name)
            small = replace(bundle, _params={**bundle._params, **SMALL})
            patch.setattr(torchaudio.pipelines, name, small)
            build = torchaudio.pipelines._wav2vec2.utils._get_model
            torch.save(build(small._model_type, small._params).state_dict(), folder / small._path)
        yield folder


@pytest.fixture
def weights(_small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of weights, which a test may damage; there is no way to an accelerator."""
    folder = tmp_path / "torch" / "hub" / "checkpoints"
    shutil.copytree(_small, folder)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    encoders._load.cache_clear()
    yield folder
    encoders._load.cache_clear()


def chosen(name: str = "wavlm_base_plus", frame_ms: float = 60.0) -> Any:
    """Settings of features by an encoder."""
    row = "front_ends.encoder"
    changes = {"features.front_end": "encoder", f"{row}.name": name, f"{row}.frame_ms": frame_ms}
    return load_features(make_values(changes))


def encoder(name: str = "wavlm_base_plus", frame_ms: float = 60.0) -> Encoder:
    built = build_front_end(*chosen(name, frame_ms))
    assert isinstance(built, Encoder)
    return built


def test_every_encoder_is_listed_with_the_layers_that_torchaudio_gives_it() -> None:
    """And every one sees and steps as far as assumed."""
    assert set(BUNDLES) == set(ENCODER_LAYERS)
    for name, bundle in BUNDLES.items():
        given = getattr(torchaudio.pipelines, bundle)
        assert given._params["encoder_num_layers"] == ENCODER_LAYERS[name], name
        assert given.sample_rate == 16_000, name
        field, stride = 1, 1
        for _, kernel, step in given._params["extractor_conv_layer_config"]:
            field, stride = field + (kernel - 1) * stride, stride * step
        assert field == encoders._RECEPTIVE_FIELD, name
        assert stride == encoders._STRIDE_MS * 16, name


@pytest.mark.parametrize("name", ["wav2vec2_base", "hubert_large", "wavlm_base_plus", "xlsr_300m"])
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


def test_those_that_were_trained_on_normalised_waveforms_get_them(weights: Path) -> None:
    for name in ("hubert_large", "wavlm_large", "xlsr_300m"):
        front_end, samples = encoder(name), tone(440.0, 0.5)
        assert np.allclose(front_end(samples), front_end(0.5 * samples), atol=1e-2), name


def test_short_and_silent_clips_have_finite_features_the_same_every_time(weights: Path) -> None:
    front_end = encoder("wav2vec2_base")
    for length in (1, 399, 400, 719, 720, 5_000):
        outputs = 1 + max(0, length - 400) // 320
        for samples in (tone(440.0, 0.5)[1 : 1 + length], np.zeros(length, dtype=np.float32)):
            values = front_end(samples)
            assert len(values) == -(-outputs // 3)
            assert np.isfinite(values).all()
            assert np.array_equal(values, front_end(samples)), "features are not repeatable"
    encoders._load.cache_clear()
    assert np.array_equal(values, encoder("wav2vec2_base")(samples)), "loading changes them"


def test_large_outputs_stay_finite_in_half_precision(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    front_end = encoder()
    model = encoders._load("wavlm_base_plus")[0]
    huge = [torch.full((1, 4, WIDTH), 1e6)]
    monkeypatch.setattr(model, "extract_features", lambda waveforms: (huge, None))
    values = extract(random_clip(0), front_end, chosen()[0])
    assert values.dtype == np.float16
    assert np.isfinite(values).all(), "half precision overflowed"


def test_spans_are_averaged() -> None:
    outputs = np.arange(7, dtype=np.float32)[:, np.newaxis]
    expected = {
        20.0: [0, 1, 2, 3, 4, 5, 6],
        30.0: [0.5, 2, 3.5, 5, 6],
        60.0: [1, 4, 6],
        1000.0: [3],
    }
    for span_ms, means in expected.items():
        assert span_means(outputs, span_ms)[:, 0].tolist() == means, span_ms


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, Path, Path]:
    """A corpus of few clips without copies: its manifest, and folders of clips and copies."""
    folder = tmp_path_factory.mktemp("corpus")
    manifest = write_clips(make_manifest(speakers=3, clips_each=1), folder / "clips")
    none = make_values().section("augmentation", Augmentation)
    augment_corpus(files_of(manifest, folder / "clips"), folder / "augmented", none)
    return manifest, folder / "clips", folder / "augmented"


def test_a_corpus_is_featurized_alike_by_any_number_of_processes(
    weights: Path,
    corpus: tuple[pd.DataFrame, Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for workers in ("1", "2"):
        monkeypatch.setenv(VARIABLE, workers)
        featurize_corpus(files_of(*corpus[:2]), corpus[2], tmp_path / workers, *chosen())
    for name in (INDEX, PACK):
        one, two = ((tmp_path / workers / name).read_bytes() for workers in ("1", "2"))
        assert one == two, name
    index, pack = read_index(tmp_path / "1"), Pack(tmp_path / "1" / PACK)
    row = index.iloc[0]
    samples = read_canonical(clip_path(corpus[1], row["clip"]))
    expected = extract(samples, encoder(), chosen()[0])
    assert expected.shape[1] == 12 * WIDTH
    assert np.array_equal(pack.rows(row["start"], row["length"]), expected)


def test_an_accelerator_is_used_by_one_process_only(
    weights: Path,
    corpus: tuple[pd.DataFrame, Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Encoder, "on_accelerator", property(lambda self: True))
    monkeypatch.setenv(VARIABLE, "2")

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("processes were forked beside an open accelerator")

    monkeypatch.setattr("ser.core.processes._answers_of_workers", refuse)
    featurize_corpus(files_of(*corpus[:2]), corpus[2], tmp_path / "out", *chosen())
    assert (tmp_path / "out" / PACK).is_file()


def test_a_model_trains_on_layers(
    weights: Path,
    corpus: tuple[pd.DataFrame, Path, Path],
    tmp_path: Path,
) -> None:
    manifest = corpus[0]
    featurize_corpus(
        files_of(*corpus[:2]),
        corpus[2],
        tmp_path / "features" / CORPUS,
        *chosen("hubert_base", 40.0),
    )
    write_splits(manifest, tmp_path / "splits" / CORPUS)
    system = load_system_settings(make_values(), "tiny")
    data = load_system(system, tmp_path, with_functionals=False)
    recipe = make_recipe(
        {
            "training.normalization": "train",
            "training.epochs": 2,
            "optimizer": "muon",
        }
    )
    model, history = train_fold(recipe, data, 0, 0)
    assert all(np.isfinite(row.loss) for row in history), "the loss is not finite"
    assert model.network.layout.layers == 12
    assert not model.network.layout.neighbours, "numbers of an embedding would be warped"
    scores = model.network.before.scores
    assert scores.shape == (12,)
    assert scores.abs().max() > 0, "the weights of the layers do not learn"
    save_network(network_path(tmp_path, 0), model)
    kept = load_network(network_path(tmp_path, 0)).network.state_dict()
    for name, value in model.network.state_dict().items():
        assert torch.equal(kept[name], value), f"{name} is lost on the way to disk and back"


def no_network(*_: object, **__: object) -> None:
    raise URLError("Name or service not known")


def test_weights_that_cannot_be_fetched_are_one_sentence_and_leave_nothing(
    weights: Path,
    corpus: tuple[pd.DataFrame, Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    refused: Refused,
) -> None:
    (weights / "wavlm_base_plus.pth").unlink()
    monkeypatch.setattr(torch.hub, "download_url_to_file", no_network)
    with refused("wavlm_base_plus", str(weights), "not known", "network"):
        featurize_corpus(files_of(*corpus[:2]), corpus[2], tmp_path / "out", *chosen())
    assert not (tmp_path / "out").exists()


class Trap:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_what_is_no_weights_is_one_sentence_and_no_code_in_it_is_run(
    weights: Path, tmp_path: Path, refused: Refused
) -> None:
    path = weights / "wavlm_base_plus.pth"
    torch.save(Trap(tmp_path / "sprung"), path)
    contents = [path.read_bytes(), b"", b"no weights", b"PK\x03\x04 cut off"]
    # of another encoder
    contents.append((weights / "hubert_fairseq_base_ls960.pth").read_bytes())
    for content in contents:
        path.write_bytes(content)
        with refused(path.name, "is damaged or holds something else", "delete it"):
            build_front_end(*chosen())
        encoders._load.cache_clear()
    assert not (tmp_path / "sprung").exists(), "a pickle was loaded"
