"""Commands for people: `python -m ser.cli --help`."""

import sys
from pathlib import Path

import typer

from ser.clips import MANIFEST
from ser.corpora import find_corpus
from ser.corpora.corpus import Corpus
from ser.corpora.source import describe_source
from ser.entry import run
from ser.params import load_params

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True)


@app.callback()
def main() -> None:
    """Speech emotion recognition with honest numbers."""


@app.command()
def sources() -> None:
    """Say where each corpus of params.yaml would come from; exit with 3 if none can be reached."""
    corpora = [find_corpus(name) for name in load_params().corpora]
    found = {corpus.title: _whereabouts(corpus) for corpus in corpora}
    if not any(found.values()):
        print(
            "No corpus source can be reached (no mirror folder, no archive, no network): "
            "running on synthetic voices instead; real results stay untouched."
        )
        sys.exit(3)
    for title, source in found.items():
        print(f"{title}: {source or 'cannot be reached'}")


def _whereabouts(corpus: Corpus) -> str | None:
    built = Path("data/corpora") / corpus.name
    return f"already in {built}" if (built / MANIFEST).is_file() else describe_source(corpus)


if __name__ == "__main__":
    run(app)
