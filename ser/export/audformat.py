"""audEERING's audformat: a header in YAML, and a CSV for each table.

The format is written without its package, which brings 170 MB of Arrow along; a test reads it back
with the package (https://audeering.github.io/audformat/, "Database header" and "Tables").
"""

from pathlib import Path
from typing import Any

import yaml

from ser.core.files import whole_file, write_csv
from ser.export.folder import new_folder
from ser.export.table import PARTS, Handed

HEADER = "db.yaml"
_PLAIN = ("intensity", "sentence", "take", "language")


def export_audformat(handed: Handed, out: Path, audio: bool = False) -> None:
    """Write the folder `out`: `audformat.Database.load(out)` reads it.

    Table `files` has what the corpus says of each clip. Every part of every fold is a table called
    `emotion.<protocol>.<fold>.<part>`, part of the split train, dev or test.

    Raises:
        SerError: as for `folder.new_folder`.
    """
    parts = {
        f"emotion.{protocol}.{fold}.{part}": (part, clips)
        for protocol, fold, part, clips in handed.parts()
    }
    with new_folder(out, handed, audio) as aside:
        header = _header(handed, {name: part for name, (part, _) in parts.items()})
        with whole_file(aside / HEADER) as file:
            text = yaml.safe_dump(header, sort_keys=False, allow_unicode=True)
            file.write_text(text, encoding="utf-8")
        write_csv(aside / "db.files.csv", handed.clips.drop(columns="clip"))
        for name, (_, clips) in parts.items():
            write_csv(aside / f"db.{name}.csv", clips[["file", "emotion", "speaker"]])


def _header(handed: Handed, parts: dict[str, str]) -> dict[str, Any]:
    corpus, clips = handed.corpus, handed.clips
    who = clips.drop_duplicates("speaker").sort_values("speaker")
    speakers = {
        row.speaker: {"gender": row.gender} if row.gender else {} for row in who.itertuples()
    }
    schemes: dict[str, Any] = {
        "emotion": {"dtype": "str", "labels": sorted(clips["emotion"].unique())},
        "speaker": {"dtype": "str", "labels": speakers},
        "gender": {"dtype": "str", "labels": sorted(set(clips["gender"]) - {""})},
        **{name: {"dtype": "str"} for name in _PLAIN},
    }
    if "duration_s" in clips:
        schemes["duration_s"] = {"dtype": "float", "minimum": 0}
    columns = {name: {"scheme_id": name} for name in clips if name in schemes}
    few = {name: columns[name] for name in ("emotion", "speaker")}
    return {
        "name": corpus.name,
        "description": f"{corpus.title}: folds by protocol; nobody is tested who trains, but where "
        "a protocol says otherwise. Files are named by their path within the corpus.",
        "source": corpus.archives[0].url if corpus.archives else corpus.title,
        "usage": "research",
        "languages": [corpus.language],
        "author": corpus.citation,
        "license": corpus.licence,
        "schemes": schemes,
        "splits": {part: {"type": part} for part in PARTS.values()},
        "tables": {
            "files": {"type": "filewise", "columns": columns},
            **{
                name: {"type": "filewise", "split_id": part, "columns": few}
                for name, part in parts.items()
            },
        },
    }
