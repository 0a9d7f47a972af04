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
