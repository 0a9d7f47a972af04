"""The projection to millions of clips: its arithmetic is right, and stages are really run."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.figures import draw_scale
from benchmarks.scale.command import Size, keep, measure_sizes, parse_sizes, parse_stages, plan, say
from benchmarks.scale.corpus import CLIP_S, EMOTIONS, LONG_S, NAME, link_clips, sound
from benchmarks.scale.growth import DISK, Growth, project, reaches, summarize
from benchmarks.scale.measure import measure
from benchmarks.scale.stages import STAGES, Folder
from benchmarks.texts import projection_table, scale_table
from ser.clips.audio import read_canonical
from ser.clips.manifest import MANIFEST, clip_path, read_manifest
from ser.core.errors import SerError

SIZES = (1_000, 10_000, 100_000)


def made_up(sizes: tuple[int, ...] = SIZES) -> pd.DataFrame:
    """Measurements in proportion to clips; memory is flat, but for that of what trains.

    Of long clips, two stages take three times the processor's time, and seven times the bytes.
    """
    by_second = ("convert", "featurize")
    rows = [
        {
            "clips": clips,
            "clip_s": clip_s,
            "stage": stage,
            "seconds": 0.01 * clips,
            "cpu_seconds": 0.02 * clips * (3 if stage in by_second and clip_s > CLIP_S else 1),
            "serial_seconds": 0.001 * clips,
            "held_mb": 0.1 * clips if stage in ("linear", "train") else 300.0,
            "peak_mb": 0.2 * clips + 500.0,
            "bytes": 1_000 * clips * (7 if stage in by_second and clip_s > CLIP_S else 1),
        }
        for clips, clip_s in [*((clips, CLIP_S) for clips in sizes), (sizes[0], LONG_S)]
        for stage in STAGES
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 1.7, 2.0])
def test_a_known_growth_is_found_and_followed(exponent: float) -> None:
    growth = Growth.fit(SIZES, [3.0 * clips**exponent for clips in SIZES])
    assert growth.exponent == pytest.approx(exponent, abs=1e-9)
    # the straight line never says less than the measurements' own law by much
    assert growth.at(10_000_000) >= 3.0 * 10_000_000**exponent * (1 - 1e-9)
    if exponent >= 1:
        assert growth.at(10_000_000) == pytest.approx(3.0 * 10_000_000**exponent)


def test_what_hides_below_a_large_constant_is_found() -> None:
    growth = Growth.fit(SIZES, [300.0 + 0.001 * clips for clips in SIZES])
    assert growth.exponent < 0.1
    assert growth.at(10_000_000) == pytest.approx(10_300.0)
    assert reaches(growth.at, 64_000.0) == pytest.approx(63_700_000.0)


def test_what_does_not_grow_never_fills_anything() -> None:
    growth = Growth.fit(SIZES, [300.0, 310.0, 290.0])
    assert growth.at(10_000_000) == 310.0
    assert reaches(growth.at, 64_000.0) == float("inf")
    with pytest.raises(SerError, match="One size tells no growth"):
        Growth.fit([1_000], [1.0])


def test_the_projection_is_of_long_clips_and_shares_what_can_be_shared() -> None:
    found = project(made_up(), clips=10_000_000, workers=10, ram_gb=64, disk_tb=4)
    rows = found.set_index("stage")
    assert rows.loc["featurize", "hours"] == pytest.approx(3 * 0.0105 * 10e6 / 3600)
    assert rows.loc["train", "hours"] == pytest.approx(0.0105 * 10e6 / 3600)
    shared = 3 * (0.001 + 0.019 / 10) * 10e6 / 3600
    assert rows.loc["featurize", "hours_shared"] == pytest.approx(shared)
    assert rows.loc["linear", "memory_gb"] == pytest.approx(1_000.0)
    assert rows.loc["featurize", "memory_gb"] == pytest.approx(0.3)
    assert rows.loc["featurize", "disk_gb"] == pytest.approx(70.0)
    each = 1_000 * (2 * 7 + len(STAGES) - 2)
    assert rows.loc[DISK, "disk_gb"] == pytest.approx(10_000_000 * each / 1e9)
    assert rows.loc[DISK, "full_at"] == pytest.approx(4e12 / each)
    # what is full first stands first
    assert found["stage"].tolist()[:3] == ["train", "linear", DISK]
    assert found["full_at"].tolist()[:2] == pytest.approx([640_000.0, 640_000.0])


def test_a_stage_that_was_stopped_shows_where(capsys: pytest.CaptureFixture[str]) -> None:
    table = made_up()
    table = table[(table["stage"] != "linear") | (table["clips"] == 1_000)]
    found = summarize(table).set_index("stage")
    assert found.loc["linear", "clips"] == 1_000
    assert np.isnan(found.loc["linear", "time_exponent"])
    assert found.loc["train", "time_exponent"] == pytest.approx(1.0)
    assert "linear" not in project(table)["stage"].tolist()
    for text in (scale_table(table, "en"), projection_table(table, "es")):
        assert len(text.splitlines()) == len(STAGES) + 2
    say(table, 64, 4, 32)
    assert "What is full first is memory: train, at 640,000 clips." in capsys.readouterr().out
    say(made_up((1_000,)), 64, 4, 32)
    assert "One size tells no growth" in capsys.readouterr().out


def test_sizes_are_numbers_that_are_large_enough() -> None:
    assert parse_sizes("1000, 200,200", 20) == [200, 1000]
    for text in ("1000,many", "", "100"):
        with pytest.raises(SerError, match="--sizes"):
            parse_sizes(text, 20)
    sizes = [(size.clips, size.clip_s) for size in plan([200, 1000], True, tuple(STAGES))]
    assert sizes == [(200, 0.5), (200, 3.6), (1000, 0.5), (1_000_000, 0.5)]
    assert parse_stages("train, convert") == ("convert", "train")
    with pytest.raises(SerError, match="--stages has 'treno'"):
        parse_stages("treno")
    assert [size.clip_s for size in plan([1000], False, tuple(STAGES))] == [0.5]


def test_what_is_measured_again_is_replaced() -> None:
    known = made_up((1_000, 10_000))
    again = [{**row, "held_mb": 1.0} for row in known.head(1).to_dict("records")]
    assert known["stage"][0] == "convert"
    found = keep(again, known)
    assert len(found) == len(known)
    assert (found["held_mb"] == 1.0).tolist() == [True, *[False] * (len(known) - 1)]


def test_made_clips_differ_and_links_to_some_of_them_are_a_corpus(tmp_path: Path) -> None:
    assert np.array_equal(sound(1), sound(1))
    assert not np.array_equal(sound(1), sound(2))
    built = Folder(tmp_path).built
    link_clips(built, clips=40, speakers=4, different=3)
    manifest = read_manifest(built / MANIFEST)
    assert manifest.groupby("speaker")["emotion"].nunique().tolist() == 4 * [len(EMOTIONS)]
    hashes = set()
    for row in manifest.itertuples():
        hashes.add(row.pcm_sha256)
        assert len(read_canonical(clip_path(built, row.clip), row.pcm_sha256)) == 8_000
    assert len(hashes) == 3


def test_stages_are_run_measured_and_drawn(tmp_path: Path) -> None:
    stages = ("convert", "featurize", "DVC, clips")
    sizes = [Size(40, stages), Size(40, ("convert",), clip_s=LONG_S), Size(80, stages)]
    sizes.append(Size(60, ("featurize",), linked=True))
    corpora = tmp_path / "corpora"
    table = pd.DataFrame(measure_sizes(sizes, speakers=4, limit_s=300, place=corpora))
    assert table["stage"].tolist() == [*stages, "convert", *stages, "featurize"]
    measured = ["seconds", "cpu_seconds", "serial_seconds", "held_mb", "peak_mb", "bytes"]
    assert (table[measured] > 0).all(axis=None)
    assert (table["serial_seconds"] <= table["cpu_seconds"]).all()
    assert (table["held_mb"] < table["peak_mb"]).all(), "libraries are mapped files"
    # a clip is half a second of 16 bits at 16 kHz, which DVC has once more
    for stage in ("convert", "DVC, clips"):
        made = table.loc[(table["stage"] == stage) & (table["clip_s"] == CLIP_S), "bytes"]
        assert (made / [40, 80] / 16_000).between(1.0, 1.1).all(), stage
    assert not list(corpora.iterdir())
    draw_scale(table, tmp_path / "one.png")
    draw_scale(table, tmp_path / "two.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    found = project(table).set_index("stage")
    assert set(found.index) == {"convert", DISK}
    assert found.loc["convert", "disk_gb"] == pytest.approx(1_152, rel=0.02)


def test_what_takes_too_long_is_stopped_and_not_tried_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = [Size(40, ("convert", "pairs")), Size(80, ("convert", "pairs"))]
    assert not list(measure_sizes(sizes, speakers=4, limit_s=0.0, place=tmp_path))
    said = capsys.readouterr().err
    assert "convert was stopped at 40 clips: it took more than 0 s" in said
    for left_out in ("pairs is not tried at 40", "convert is not tried at 80"):
        assert left_out in said


def test_a_stage_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(SerError, match=rf"The stage pairs failed: error: .*{NAME}.* is missing"):
        measure("pairs", tmp_path, 300)
