"""What `ser audit` says of splits whose faults are known: `python -m benchmarks.audit`.

The splits are made from the names of published clips alone, so no sound is needed; the page and the
table of verdicts are put into docs/audit.md.
"""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from ser.core.entry import run
from ser.corpora import find_corpus
from ser.export.table import named_folds, named_manifest
from ser.referee.audit import Asked, Audit, audit
from ser.referee.words import headline, sections, title
from ser.reports.markdown import put_between
from ser.reports.review.page import as_text

TEXTS = (Path("docs/audit.md"), Path("docs/audit.es.md"))
PAGE = "ravdess_random.csv"
_SEED, _TESTED = 20_261_126, 0.2


def random_split(corpus: str) -> pd.DataFrame:
    """One clip in five tests, whoever speaks: how most published code divides a corpus."""
    table = _files(corpus)
    draw = np.random.default_rng(_SEED).random(len(table)) < _TESTED
    return table.drop(columns="clip").assign(split=np.where(draw, "test", "train"))


def our_folds(corpus: str, protocol: str) -> pd.DataFrame:
    """The folds of one of our protocols."""
    folds = named_folds(named_manifest(find_corpus(corpus)), [protocol])[protocol]
    rows = folds.rename(columns={"role": "split"}).merge(_files(corpus), on="clip")
    return rows.drop(columns="clip")


def _files(corpus: str) -> pd.DataFrame:
    manifest = named_manifest(find_corpus(corpus))
    files = manifest["clip"].str.partition("/")[2] + ".wav"
    return pd.DataFrame({"clip": manifest["clip"], "file": files, "emotion": manifest["emotion"]})


def splits() -> dict[str, pd.DataFrame]:
    """Splits by the names of their files."""
    return {
        PAGE: random_split("ravdess"),
        "ravdess_five_folds.csv": our_folds("ravdess", "ravdess_five_fold"),
        "emodb_random.csv": random_split("emodb"),
        "emodb_loso.csv": our_folds("emodb", "leave_one_speaker_out"),
        "emodb_by_sentence.csv": our_folds("emodb", "leave_one_statement_out"),
    }


def audited(name: str, table: pd.DataFrame) -> Audit:
    """The audit of a split, as a file of that name."""
    with tempfile.TemporaryDirectory() as folder:
        table.to_csv(Path(folder) / name, index=False)
        return audit([Path(folder) / name], Asked())


def block(text: str) -> str:
    """A text as Markdown shows it."""
    return f"```text\n{text.strip()}\n```"


def verdicts(found: dict[str, Audit]) -> str:
    """A line a split: the verdict, and the protocol that it comes closest to."""
    rows = [
        (name, headline(one), one.closest.protocol if one.closest else "")
        for name, one in found.items()
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join(lines)


def main() -> None:
    """Audit all splits, print the verdicts, and put them into the texts."""
    found = {name: audited(name, table) for name, table in splits().items()}
    page = as_text(title(found[PAGE]), sections(found[PAGE]))
    print(verdicts(found))
    for path in TEXTS:
        put_between(path, "page", block(page))
        put_between(path, "verdicts", block(verdicts(found)))


if __name__ == "__main__":
    run(main)
