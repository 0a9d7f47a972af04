"""`ser export`: one command for each form."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Hand over what others can use without this project.")

_CORPUS = Annotated[str, typer.Argument(help="name of a corpus, such as ravdess")]
_OUT = Annotated[Path, typer.Argument(help="a new folder")]
_PROTOCOL = Annotated[
    list[str] | None,
    typer.Option(help="of the folds, may be repeated; all that fit and are honest by default"),
]
_ENDING = Annotated[str, typer.Option(help="of the names of files")]
_AUDIO = Annotated[bool, typer.Option("--audio", help="put the clips there, too (16 kHz, mono)")]


@app.command("audformat")
def audformat(
    corpus: _CORPUS,
    out: _OUT,
    protocol: _PROTOCOL = None,
    ending: _ENDING = ".wav",
    audio: _AUDIO = False,
) -> None:
    """A corpus's table and our folds for audformat: a header and a CSV for each table."""
    from ser.export.audformat import export_audformat

    _export(export_audformat, corpus, out, protocol or [], ending, audio)


@app.command("csv")
def csv(
    corpus: _CORPUS,
    out: _OUT,
    protocol: _PROTOCOL = None,
    ending: _ENDING = ".wav",
    audio: _AUDIO = False,
) -> None:
    """A corpus's table and our folds as CSV: for nkululeko, a Hugging Face dataset, anybody."""
    from ser.export.csv import export_csv

    _export(export_csv, corpus, out, protocol or [], ending, audio)


def _export(
    write: Callable[..., None],
    corpus: str,
    out: Path,
    protocols: list[str],
    ending: str,
    audio: bool,
) -> None:
    from ser.export.table import hand_over, known_corpus

    handed = hand_over(known_corpus(corpus), protocols, ending)
    write(handed, out, audio)
    count = sum(folds["fold"].nunique() for folds in handed.folds.values())
    print(
        f"{out}: {len(handed.clips)} clips of {handed.corpus.title}, {count} folds of "
        f"{', '.join(handed.folds)}."
    )
