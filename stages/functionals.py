"""Compute functionals of clips, for the scores that need no network.

In: data/corpora/<corpus>. Params: floors.functionals.
Out: data/functionals/<corpus>/functionals.safetensors, with the names of its rows and columns.
"""

from pathlib import Path

from ser.clips import MANIFEST, read_manifest
from ser.entry import run
from ser.functionals import write_functionals
from ser.params import load_params


def main(corpus: str) -> None:
    """Compute functionals of CORPUS."""
    params = load_params()
    built = Path("data/corpora") / corpus
    write_functionals(
        read_manifest(built / MANIFEST),
        built,
        Path("data/functionals") / corpus,
        params.floors.functionals,
        params.processes,
    )


if __name__ == "__main__":
    run(main)
