"""Compute functionals of clips, for classifiers without a network.

In: data/corpora/<corpus>. Params: functionals.
Out: data/functionals/<corpus>/functionals.safetensors, with the names of its rows and columns, and
copies.safetensors, of copies at other speeds.
"""

from pathlib import Path

from ser.clips.listing import ClipFiles
from ser.core.entry import run
from ser.core.settings import load_values
from ser.features.functionals import write_functionals
from ser.features.settings import FunctionalsSettings


def main(corpus: str) -> None:
    """Compute functionals of CORPUS."""
    write_functionals(
        ClipFiles.read(Path("data/corpora") / corpus),
        Path("data/functionals") / corpus,
        load_values().section("functionals", FunctionalsSettings),
    )


if __name__ == "__main__":
    run(main)
