"""`ser export`: one command for each form."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(invoke_without_command=True, no_args_is_help=True)

_MODEL = Annotated[
    str | None,
    typer.Option(help="as for `ser predict`; by default the one that the package carries"),
]


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


@app.command(
    "audformat",
    help="A corpus's table and our folds for audformat: a header and a CSV for each table.",
)
@app.command(
    "csv",
    help="A corpus's table and our folds as CSV: for nkululeko, a Hugging Face dataset, anybody.",
)
def export_corpus(
    context: typer.Context,
    corpus: Annotated[str, typer.Argument(help="name of a corpus, such as ravdess")],
    out: Annotated[Path, typer.Argument(help="a new folder")],
    protocol: Annotated[
        list[str] | None,
        typer.Option(help="of the folds, may be repeated; all that fit and are honest by default"),
    ] = None,
    ending: Annotated[str, typer.Option(help="of the names of files")] = ".wav",
    audio: Annotated[
        bool, typer.Option("--audio", help="put the clips there, too (16 kHz, mono)")
    ] = False,
) -> None:
    """Hand over a corpus, in the form by which the command is called."""
    from ser.export.audformat import export_audformat
    from ser.export.csv import export_csv
    from ser.export.table import hand_over, known_corpus

    write = {"audformat": export_audformat, "csv": export_csv}[str(context.info_name)]
    handed = hand_over(known_corpus(corpus), protocol or [], ending)
    write(handed, out, audio)
    count = sum(folds["fold"].nunique() for folds in handed.folds.values())
    print(
        f"{out}: {len(handed.clips)} clips of {handed.corpus.title}, {count} folds of "
        f"{', '.join(handed.folds)}."
    )
