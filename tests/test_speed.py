"""What stands beside this project in the benchmarks is real; the texts show what was measured."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import benchmarks.ablation
from benchmarks import pipeline, speed
from benchmarks.figures import draw_sizes, draw_speed
from benchmarks.speed import LIBROSA, MFCC, OURS, ROWS, best_of, compare, row
from benchmarks.steps import FRONT_ENDS, Bench, time_front_end, time_optimizer
from benchmarks.steps import compare as compare_steps
from benchmarks.storm.command import table
from benchmarks.storm.tries import Tally
from benchmarks.texts import (
    LANGUAGES,
    REFERENCE,
    TABLES,
    ablation_tables,
    commands_table,
    pool_repeats,
    read_results,
    size_rows,
    speed_table,
    stages_table,
    storm_table,
)
from ser.clips.audio import read_canonical
from ser.clips.listing import ClipFiles
from ser.core.errors import SerError
from ser.evaluation.out_of_fold import predict_validation
from ser.evaluation.trials import in_studies
from ser.features.augmentation import augment_corpus
from ser.features.front_ends import featurize_corpus
from ser.features.functionals import write_functionals
from ser.features.settings import Augmentation, FunctionalsSettings, load_features
from ser.reports.markdown import between
from tests.builders import (
    CORPUS,
    PROTOCOL,
    REPOSITORY,
    make_values,
    random_clip,
    real_values,
    write_splits,
)


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


def timings() -> pd.DataFrame:
    return compare([row(task, way, 1.0 + number, 10.0) for number, (task, way) in enumerate(ROWS)])


def test_texts_show_the_tables_that_were_measured() -> None:
    for one in TABLES:
        path = REPOSITORY / "docs" / f"{one.name}.csv"
        for language, ending in LANGUAGES.items():
            text = (REPOSITORY / f"{one.text}{ending}").read_text(encoding="utf-8")
            # a command writes it, after the last run of everything
            expected = one.table(pd.read_csv(path), language) if path.is_file() else ""
            shown = between(text, one.marker)
            assert shown == expected, f"{one.text}{ending}: run `python -m benchmarks.texts`"


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
    english, spanish = (speed_table(timings(), language) for language in ("en", "es"))
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
    taken = best_of({name: partial(called.append, name) for name in "ab"}, rounds=2)
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
        draw_speed(timings(), tmp_path / f"speed-{name}.png")
    for figure in ("sizes", "speed"):
        one, two = ((tmp_path / f"{figure}-{name}.png").read_bytes() for name in ("one", "two"))
        assert one == two, figure


def test_seconds_of_stages_and_commands_are_kept_and_shown(tmp_path: Path) -> None:
    path = tmp_path / "stage_seconds.csv"
    pipeline.keep({"train a 0": 30.0, "train a 1": 31.0, "make repro": 600.0}, path)
    pipeline.keep({"train a 0": 20.0, "make test": 90.0}, path)
    table = pd.read_csv(path)
    assert dict(zip(table["stage"], table["seconds"], strict=True)) == {
        "make repro": 600.0,
        "make test": 90.0,
        "train a 0": 20.0,
        "train a 1": 31.0,
    }
    assert commands_table(table, "es").splitlines()[2:] == [
        "| `make repro` | 10,0 |",
        "| `make test` | 1,5 |",
    ]
    assert stages_table(table, "en").splitlines()[2:] == ["| `train` | 2 | 51 |"]


def test_a_command_is_timed_and_its_failure_is_ours() -> None:
    seconds, peak = pipeline.measure(["true"])
    assert seconds > 0
    assert peak >= 0
    with pytest.raises(SystemExit) as ended:
        pipeline.measure(["false"])
    assert ended.value.code == 1


def test_steps_are_timed_under_every_optimizer_and_front_end() -> None:
    values, _ = in_studies(real_values().changed({"training.batch_size": 2}))
    clips = [random_clip(number, seconds=2.5) for number in range(2)]
    benches = {
        name: Bench(values.changed({"optimizer": name}), clips)
        for name in values.section("optimizers", dict)
    }
    table = compare_steps("optimizer", benches, time_optimizer, rounds=1)
    assert table["relative"].iloc[0] == 1.0
    assert (table[["step_ms", "optimizer_ms"]] > 0).all(axis=None)
    front_ends = {
        name: Bench(values.changed({"features.front_end": name}), clips) for name in FRONT_ENDS[:2]
    }
    table = compare_steps("front_end", front_ends, time_front_end, rounds=1)
    assert (table[["features_ms", "step_ms"]] > 0).all(axis=None)


@pytest.fixture
def bench(
    voices: tuple[Path, pd.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> speed.Bench:
    """All ways on synthetic voices, with all that the pipeline makes of them."""
    built, manifest = voices
    (tmp_path / "corpora").mkdir()
    (tmp_path / "corpora" / CORPUS).symlink_to(built)
    write_splits(manifest.assign(take_group=manifest["clip"]), tmp_path / "splits" / CORPUS)
    system = {"corpora": [CORPUS], "gender": "all", "protocol": PROTOCOL}
    changes = {"systems": {CORPUS: system}, "training.epochs": 1, "linear.share": 0.4}
    values = make_values(changes)
    copies, out = tmp_path / "copies", tmp_path / "features" / CORPUS
    files = ClipFiles.read(built)
    augment_corpus(files, copies, values.section("augmentation", Augmentation))
    featurize_corpus(files, copies, out, *load_features(values))
    write_functionals(
        files,
        tmp_path / "functionals" / CORPUS,
        FunctionalsSettings(kind="own", speeds=[1.1]),
    )
    for module, name, value in (
        (speed, "DATA", tmp_path),
        (benchmarks.ablation, "DATA", tmp_path),
        (speed, "SYSTEM", CORPUS),
        (speed, "EPOCHS", 1),
        (speed, "load_values", lambda: values),
    ):
        monkeypatch.setattr(module, name, value)
    return speed.load_bench(tmp_path / "notebook")


def test_all_ways_do_the_same_job(bench: speed.Bench) -> None:
    clips = speed.validation_clips(bench.data, 0)
    files = bench.files(clips)
    answers, fitted = speed.train_all(bench, [0])
    rows = [
        *speed.feature_rows(bench, files[:2]),
        *speed.training_rows(bench, answers, [0]),
        *speed.prediction_rows(fitted, files[:2]),
    ]
    table = compare(rows)
    assert list(zip(table["task"], table["way"], strict=True)) == list(ROWS)
    assert (table["seconds"] > 0).all()
    ours, svm, notebook = (fitted[name] for name in (OURS, speed.SVM, speed.NOTEBOOK))
    for way in (ours, svm, notebook):
        assert len(way.validate()) == len(way.answer(files)) == len(clips)
    # a sound is answered as the clip is that the pipeline has stored, in half precision
    assert svm.answer(files) == svm.validate()
    expected, _, _ = predict_validation(ours.predictor.voices[0].model, bench.data)
    sounds = [read_canonical(file) for file in files]
    own, _ = ours.predictor.probabilities(sounds, [CORPUS] * len(files))
    assert own == pytest.approx(expected, abs=1e-9)
    ways = speed.extractors(bench.values)
    mine, librosas = ways[OURS](files[0]), ways[LIBROSA](files[0])
    assert mine.astype(np.float32) == pytest.approx(librosas, abs=0.02)


def test_without_the_corpus_or_results_it_says_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SerError, match=r"There is no ravdess in .*; run `dvc repro`"):
        speed.load_bench(tmp_path)
    with pytest.raises(SerError, match=r"run `python -m benchmarks\.speed`"):
        read_results("speed", "speed")


def test_the_table_of_the_storm_has_a_row_a_kind_in_both_languages() -> None:
    found = table([Tally("sounds", 3, 2, 1), Tally("kills", 1, faults=["an orphan"])])
    assert storm_table(found, "en").splitlines()[2:] == [
        "| sounds | 3 | 2 | 1 | 0 |",
        "| kills | 1 | 0 | 0 | 1 |",
    ]
    spanish = storm_table(found, "es")
    assert spanish.splitlines()[0].startswith("| clase | probados | rechazados")
    assert "interrupciones" in spanish
