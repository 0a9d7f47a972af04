"""What is said of a protocol beside its folds: read as written, and refused where it lies."""

from pathlib import Path
from typing import Any

from ser.core.files import write_json
from ser.core.tables import read_json
from ser.guards.crossings import Crossing
from ser.guards.protocol import NO_MARK, read_protocol, write_protocol
from ser.splits.protocols import PROTOCOLS
from tests.conftest import Refused, case

EVERYTHING = [kind.value for kind in Crossing]


def test_every_protocol_is_read_as_it_was_written(tmp_path: Path) -> None:
    for name, protocol in PROTOCOLS.items():
        path = tmp_path / f"{name}.json"
        write_protocol(path, protocol)
        assert read_protocol(path) == protocol
        assert protocol.fields == {"protocol": name, "mark": protocol.mark or NO_MARK}


TAMPERED: list[tuple[str, dict[str, Any]]] = [
    # under another name
    ("leave_one_speaker_out", {"name": "speaker_independent"}),
    ("leave_one_speaker_out", {"name": "leaky_random"}),
    ("leave_one_speaker_out", {"name": 3}),
    # of another kind: an honest one that leaks, a leaky one without its mark, one that is none
    ("leave_one_speaker_out", {"kind": "leaky"}),
    ("leaky_random", {"kind": "speaker-independent"}),
    ("leaky_random", {"kind": "transductive"}),
    ("speaker_normalized", {"kind": "speaker-independent"}),
    ("leave_one_statement_out", {"kind": "speaker-independent"}),
    ("leave_one_speaker_out", {"kind": "honest"}),
    ("leave_one_speaker_out", {"kind": ["leaky"]}),
    # lets more cross than its kind may
    *(
        ("leave_one_speaker_out", {"crosses": ["statement", kind]})
        for kind in EVERYTHING
        if kind != "statement"
    ),
    ("speaker_normalized", {"crosses": ["statement", "fitted statistic", "speaker"]}),
    ("leave_one_statement_out", {"crosses": EVERYTHING}),
    # crossings that are none
    ("leave_one_speaker_out", {"crosses": ["gender"]}),
    ("leave_one_speaker_out", {"crosses": "statement"}),
    ("leave_one_speaker_out", {"crosses": None}),
    ("leave_one_speaker_out", {"crosses": [["statement"]]}),
    ("leave_one_speaker_out", {"validates": "no"}),
]


def test_what_was_tampered_with_is_refused(tmp_path: Path, refused: Refused) -> None:
    for name, changes in TAMPERED:
        path = tmp_path / f"{name}.json"
        write_protocol(path, PROTOCOLS[name])
        write_json(path, read_json(path, "The protocol") | changes)
        with case(f"{name} {changes}"), refused(str(path), "damaged", "dvc repro"):
            read_protocol(path)


def test_what_lacks_is_named(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "leave_one_speaker_out.json"
    with refused("The protocol ", str(path), "missing"):
        read_protocol(path)
    write_protocol(path, PROTOCOLS["leave_one_speaker_out"])
    values = read_json(path, "The protocol")
    for key in values:
        write_json(path, {name: value for name, value in values.items() if name != key})
        with refused(str(path), f"'{key}'"):
            read_protocol(path)
