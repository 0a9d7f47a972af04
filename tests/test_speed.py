"""What stands beside this project in the benchmarks is real; the texts show what was measured."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.figures import draw_sizes, draw_speed
from benchmarks.notebook import N_MFCC, mean_mfcc, train_notebook
from benchmarks.prediction import Predictor
from benchmarks.sizes import size_rows
from benchmarks.speed import LIBROSA, MFCC, OURS, ROWS, best_of, compare, load_bench, row
from benchmarks.tables import REFERENCE, ablation_tables, pool_repeats, speed_table
from benchmarks.texts import LANGUAGES, TABLES, TEXTS, read_results
from ser.audio import read_canonical
from ser.augmentation import augment_corpus
from ser.clips import MANIFEST, clip_path, read_manifest
from ser.dataset import load_system
from ser.errors import SerError
from ser.evaluation.out_of_fold import predict_validation
from ser.features import featurize_corpus
from ser.functionals import write_functionals
from ser.markdown import Language, between
from ser.readme import RESULTS
from ser.training.fold import train_fold
from tests.builders import (
    CORPUS,
    REPOSITORY,
    build_voices,
    make_params,
    one_torch_thread,
    write_splits,
)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    one_torch_thread()


def ablation() -> pd.DataFrame:
    rows = [
        ("ravdess", REFERENCE, 70.0, 1.0, 0.8, 20.0, 100),
        ("ravdess", "small model", 68.5, 0.5, 0.9, 10.0, 50),
        ("ravdess", "large model", 71.25, np.nan, 0.7, 40.0, 200),
        ("emodb", REFERENCE, 80.0, 1.0, 0.5, 20.0, 100),
    ]
    columns = ("system", "change", "validation_uar", "deviation", "validation_loss")
    table = pd.DataFrame(rows, columns=[*columns, "seconds_per_fold", "parameters"])
    return table.assign(seeds=2)


def speed() -> pd.DataFrame:
    return compare([row(task, way, 1.0 + number, 10.0) for number, (task, way) in enumerate(ROWS)])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", TABLES)
def test_texts_show_the_tables_that_were_measured(name: str, language: Language) -> None:
    file = f"{TEXTS.get(name, name)}{LANGUAGES[language]}"
    text = (REPOSITORY / "docs" / file).read_text(encoding="utf-8")
    shown = between(text, RESULTS)
    measured = pd.read_csv(REPOSITORY / "docs" / f"{name}.csv")
    assert shown == TABLES[name](measured, language), "run `python -m benchmarks.texts`"


def test_the_ablation_ranks_changes_and_compares_with_the_reference() -> None:
    lines = ablation_tables(ablation(), "en").splitlines()
    rows = [line for line in lines if line.startswith("| ")]
    assert rows[2] == "| large model | 71.2 | +1.2 | 0.700 | 40.0 |"
    assert rows[3].startswith("| reference | 70.0 ± 1.0 | \N{EN DASH} |")
    assert rows[4].startswith("| small model | 68.5 ± 0.5 | \N{MINUS SIGN}1.5 |")
    assert "| reference | 80,0 ± 1,0 |" in ablation_tables(ablation(), "es")


def test_a_change_that_was_measured_again_counts_with_all_its_seeds() -> None:
    again = ablation().iloc[[0]].assign(validation_uar=74.0, deviation=2.0, seconds_per_fold=12.0)
    pooled = pool_repeats(pd.concat([ablation(), again], ignore_index=True))
    row = pooled[(pooled["system"] == "ravdess") & (pooled["change"] == REFERENCE)].iloc[0]
    # two seeds around 70 by 1 and two around 74 by 2, as sample deviations
    seeds = [70 - 0.5**0.5, 70 + 0.5**0.5, 74 - 2**0.5, 74 + 2**0.5]
    assert row["validation_uar"] == pytest.approx(np.mean(seeds))
    assert row["deviation"] == pytest.approx(np.std(seeds, ddof=1))
    assert (row["seeds"], row["seconds_per_fold"]) == (4, 12.0)
    pd.testing.assert_frame_equal(pool_repeats(pooled), pooled)


def test_every_word_of_the_speed_table_has_a_spanish_one() -> None:
    english, spanish = (speed_table(speed(), language) for language in ("en", "es"))
    assert len(english.splitlines()) == len(spanish.splitlines()) == len(ROWS) + 2
    for task, way in ROWS:
        assert f"| {task} | {way} |" in english
        assert f"| {task} | {way} |" not in spanish


def test_times_are_compared_with_ours_task_by_task() -> None:
    table = compare(
        [
            row("features", OURS, 2.0, 10),
            row("features", LIBROSA, 6.0, 10),
            row("prediction", OURS, 1.0, 10),
            row("prediction", MFCC, 0.5, 10, 40.0),
        ]
    )
    assert table["relative_to_ours"].tolist() == [1.0, 3.0, 1.0, 0.5]
    assert table["clips_per_second"].tolist() == [5.0, 10 / 6, 10.0, 20.0]
    assert table["validation_uar"].isna().tolist() == [True, True, True, False]


def test_ways_take_turns_and_the_first_round_is_not_counted() -> None:
    called: list[str] = []
    taken = best_of({name: lambda name=name: called.append(name) for name in "ab"}, rounds=2)
    assert called == list("ababab")
    assert set(taken) == {"a", "b"}


def test_sizes_are_those_of_systems_with_several() -> None:
    rows = size_rows(ablation(), "base")
    assert rows["system"].unique().tolist() == ["ravdess"]
    assert rows["size"].tolist() == ["small", "base", "large"]
    with pytest.raises(SerError, match=r"run `python -m benchmarks\.ablation`"):
        size_rows(ablation().iloc[:1], "base")


def test_figures_are_the_same_every_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        draw_sizes(size_rows(ablation(), "base"), tmp_path / f"sizes-{name}.png")
        draw_speed(speed(), tmp_path / f"speed-{name}.png")
    for figure in ("sizes", "speed"):
        one, two = ((tmp_path / f"{figure}-{name}.png").read_bytes() for name in ("one", "two"))
        assert one == two, figure


def test_the_notebooks_network_learns_and_repeats() -> None:
    rng = np.random.default_rng(0)
    targets = ["a", "b"] * 16
    values = rng.standard_normal((32, N_MFCC)) + 3 * np.array([t == "b" for t in targets])[:, None]
    first, second = (train_notebook(values, values, targets, 0, epochs=15) for _ in range(2))
    assert np.mean(np.array(first.predict(values)) == targets) > 0.9, "nothing was learned"
    for name, weight in first.network.state_dict().items():
        assert weight.equal(second.network.state_dict()[name]), name


def test_a_predictor_answers_as_the_pipeline_does(tmp_path: Path) -> None:
    built, empty = tmp_path / "corpora" / CORPUS, tmp_path / "copies"
    build_voices(built, speakers=3)
    manifest = read_manifest(built / MANIFEST)
    manifest["take_group"] = manifest["clip"]
    write_splits(manifest, tmp_path / "splits" / CORPUS)
    params = make_params({"training.epochs": 1})
    augment_corpus(manifest, built, empty, params.augmentation, 1)
    featurize_corpus(manifest, built, empty, tmp_path / "features" / CORPUS, params.features, 1)
    write_functionals(manifest, built, tmp_path / "functionals" / CORPUS, "own", 1)
    folders = [tmp_path / part for part in ("splits", "features", "functionals")]
    data = load_system(params, params.system("tiny"), *folders)
    model, _ = train_fold(params, data, 0, 0)
    probabilities, _, _ = predict_validation(model, data, 0)
    predictor = Predictor(model, params.features)
    clips = data.with_role(0, "validation").sort_values("clip")["clip"]
    for clip, expected in zip(clips, probabilities, strict=True):
        sound = read_canonical(clip_path(built, clip))
        own = predictor.probabilities(
            [predictor.features(sound)], [predictor.functionals(sound)], [CORPUS]
        )[0]
        # features on disk are in half precision
        assert own == pytest.approx(expected, abs=0.01), clip
        best = model.emotions[int(own.argmax())]
        assert predictor.answer([clip_path(built, clip)], CORPUS) == [best]
    assert mean_mfcc(clip_path(built, clip)).shape == (N_MFCC,)


def test_without_the_corpus_or_results_it_says_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SerError, match=r"There is no ravdess in .*; run `dvc repro`"):
        load_bench(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SerError, match=r"run `python -m benchmarks\.speed`"):
        read_results("speed")
