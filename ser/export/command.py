"""`ser export`: one command for each form."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(invoke_without_command=True, no_args_is_help=True)

_MODEL = Annotated[
    str | None,
    typer.Option(help="as for `ser predict`; by default the one that the package carries"),
]

_CORPUS = Annotated[str, typer.Argument(help="name of a corpus, such as ravdess")]
_OUT = Annotated[Path, typer.Argument(help="a new folder")]
_PROTOCOL = Annotated[
    list[str] | None,
    typer.Option(help="of the folds, may be repeated; all that fit and are honest by default"),
]
_ENDING = Annotated[str, typer.Option(help="of the names of files")]
_AUDIO = Annotated[bool, typer.Option("--audio", help="put the clips there, too (16 kHz, mono)")]


@app.callback()
def export(
    onnx: Annotated[
        Path | None, typer.Option(metavar="OUT", help="the same as `ser export onnx OUT`")
    ] = None,
    model: _MODEL = None,
) -> None:
    """Hand over what others can use without this project."""
    if onnx is not None:
        export_model(onnx, model)


@app.command("onnx")
def export_model(
    out: Annotated[Path, typer.Argument(help="the file that is written, called .onnx")],
    model: _MODEL = None,
) -> None:
    """A model as one ONNX file, for `ser predict --onnx`: it answers without PyTorch."""
    from ser.export.onnx_file import export_onnx
    from ser.predict.model import load

    export_onnx(load(model), out)
    print(f"{out} is written ({out.stat().st_size / 1e6:.2f} MB).")


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
