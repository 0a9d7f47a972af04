"""Index and layout of features: read as written, or a sentence."""

from dataclasses import replace
from pathlib import Path

from ser.core.files import write_json
from ser.core.tables import read_json
from ser.store.features import (
    INDEX,
    LAYOUT,
    Layout,
    check_pack,
    read_index,
    read_layout,
    write_layout,
)
from tests.builders import LAYOUT as TINY
from tests.builders import WAVEFORM_LAYOUT, make_manifest, separable_features, write_features
from tests.conftest import Refused, case


def test_an_index_says_what_lies_where(tmp_path: Path) -> None:
    features = separable_features(make_manifest(speakers=1))
    first = next(iter(features))
    write_features(tmp_path, features, {f"{first}+noise": features[first]})
    index = read_index(tmp_path)
    assert index["item"].tolist() == [*features, f"{first}+noise"]
    assert index["effect"].tolist() == [*[""] * len(features), "noise"]
    assert index["clip"].tolist() == [*features, first]
    assert index["length"].tolist() == [*map(len, features.values()), len(features[first])]


def test_layouts_are_read_as_they_were_written(tmp_path: Path) -> None:
    for layout in (TINY, WAVEFORM_LAYOUT, Layout("encoder", 96, 5.0, neighbours=False, layers=12)):
        write_layout(tmp_path, layout)
        assert read_layout(tmp_path) == layout
    assert WAVEFORM_LAYOUT.waveform
    assert not TINY.waveform


def test_what_is_missing_or_damaged_is_named(tmp_path: Path, refused: Refused) -> None:
    with refused(str(tmp_path / INDEX), "missing", "dvc repro"):
        read_index(tmp_path)
    with refused(str(tmp_path / LAYOUT), "missing", "dvc repro"):
        read_layout(tmp_path)
    write_layout(tmp_path, TINY)
    whole = read_json(tmp_path / LAYOUT, "The layout")
    without = {key: value for key, value in whole.items() if key != "bands"}
    for values in (
        without,
        whole | {"more": 1},
        whole | {"bands": "many"},
        whole | {"bands": 1.5},
        whole | {"rows_per_second": None},
        whole | {"neighbours": "perhaps"},
        whole | {"front_end": 3},
        whole | {"front_end": "os.system"},
        whole | {"bands": 0},
        whole | {"layers": -1},
        whole | {"rows_per_second": -50.0},
    ):
        write_json(tmp_path / LAYOUT, values)
        with case(values), refused(str(tmp_path / LAYOUT), "damaged", "dvc repro"):
            read_layout(tmp_path)


def test_every_row_of_a_pack_belongs_to_one_clip_or_copy(tmp_path: Path, refused: Refused) -> None:
    features = separable_features(make_manifest(speakers=1))
    first = next(iter(features))
    write_features(tmp_path, features, {f"{first}+noise": features[first]})
    whole = read_index(tmp_path)
    check_pack(tmp_path, whole, TINY)
    check_pack(tmp_path, whole.sample(frac=1, random_state=0), TINY)
    last = len(whole) - 1
    for what, changed in {
        "a clip less": whole.drop(index=2),
        "two share rows": whole.assign(start=whole["start"].where(whole.index != 1, 0)),
        "beyond the end": whole.assign(length=whole["length"] + (whole.index == last)),
        "before the beginning": whole.assign(start=whole["start"] - 1),
        "no rows": whole.assign(length=whole["length"].where(whole.index != last, 0)),
        "another's copy": whole.assign(clip=whole["clip"].where(whole.index != last, "x")),
        "a copy as a clip": whole.assign(effect=""),
    }.items():
        with case(what), refused(INDEX, "share out", "dvc repro"):
            check_pack(tmp_path, changed, TINY)
    for layout in (replace(TINY, bands=8), WAVEFORM_LAYOUT):
        with refused(LAYOUT, "16 numbers each", "dvc repro"):
            check_pack(tmp_path, whole, layout)
