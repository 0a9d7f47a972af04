"""Commands for people: `ser --help`."""

import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Annotated

import pandas as pd
import typer

from ser.clips import MANIFEST
from ser.corpora import find_corpus
from ser.corpora.corpus import Corpus
from ser.corpora.source import describe_source
from ser.entry import run
from ser.errors import SerError
from ser.evaluation.comparison import Comparison, Side, compare, flipped_clips
from ser.evaluation.predictions import read_predictions
from ser.files import whole_file, write_csv
from ser.labels import ordered
from ser.markdown import Language, put_between
from ser.params import load_params
from ser.readme import RESULTS, results_table
from ser.revisions import WORKSPACE, open_revision, read_at_revision
from ser.splits.folds import hash_folds, read_folds
from ser.splits.protocols import PROTOCOLS
from ser.studies.tables import update_studies

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


_SIDE = "system, system@revision (commit, branch, tag or experiment), or a CSV of predictions"


_STUDIES_TEXTS = ("results", "corpora", "optimizers", "augmentation", "features")


@app.command()
def readme() -> None:
    """Put the tables of results into the README and the docs, and write the models' cards."""
    from ser.review.model_card import write_cards

    try:
        systems = pd.read_csv("plots/systems.csv")
    except FileNotFoundError:
        raise SerError("plots/systems.csv is missing; run `dvc repro report`.") from None
    languages: dict[str, Language] = {"README.md": "en", "README.es.md": "es"}
    for name, language in languages.items():
        put_between(Path(name), RESULTS, results_table(systems, language))
    for name in _STUDIES_TEXTS:
        update_studies(Path("docs") / f"{name}.md", Path("plots"), "en")
        update_studies(Path("docs") / f"{name}.es.md", Path("plots"), "es")
    write_cards(load_params())


@app.command("compare")
def compare_two(
    a: Annotated[str, typer.Argument(help=_SIDE)],
    b: Annotated[str, typer.Argument(help="the same")],
    flips: Annotated[Path | None, typer.Option(help="write the clips that changed here")] = None,
    top: Annotated[int, typer.Option(min=0, help="how many of them to print")] = 10,
) -> None:
    """Compare two results on the same clips: is B better than A by more than chance?"""
    before, now = _load_side(a), _load_side(b)
    found = compare(before, now)
    changed = flipped_clips(before, now)
    if flips is not None:
        write_csv(flips, changed)
    print(_describe_sides((a, found.a, _mark_of(before)), (b, found.b, _mark_of(now))))
    print(_describe_difference(found, [_protocols_of(side) for side in (before, now)]))
    print(_describe_flips(changed, found, top))


def _load_side(side: str) -> pd.DataFrame:
    if Path(side).is_file():
        return read_predictions(Path(side))
    name, at, revision = side.partition("@")
    is_path = name.endswith(".csv") or "/" in name
    path = Path(name) if is_path else Path("plots") / name / "predictions.csv"
    if not at:
        return read_predictions(path)
    text = read_at_revision(path, revision)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        copy.write_text(text, encoding="utf-8")
        try:
            return read_predictions(copy)
        except SerError as error:
            raise SerError(str(error).replace(str(copy), side)) from None


def _mark_of(predictions: pd.DataFrame) -> str:
    """Marks of the protocols that predictions were made under, where they name them."""
    known = [PROTOCOLS[name] for name in _protocols_of(predictions) if name in PROTOCOLS]
    return "; ".join(protocol.mark for protocol in known if protocol.mark)


def _protocols_of(predictions: pd.DataFrame) -> list[str]:
    """Names of the protocols; none in tables that were made before they had names."""
    return sorted(set(predictions.get("protocol", [])))


def _describe_sides(*sides: tuple[str, Side, str]) -> str:
    width = max(len(name) for name, _, _ in sides)
    return "\n".join(
        f"{label}  {name:<{width}}  {_describe_side(side, mark)}"
        for label, (name, side, mark) in zip("AB", sides, strict=True)
    )


def _describe_side(side: Side, mark: str) -> str:
    spread = "" if side.deviation is None else f", deviation {side.deviation:.1f}"
    text = f"UAR {side.uar:.1f} % ({side.seeds} seed{'s' * (side.seeds > 1)}{spread})"
    return f"{text}  [{mark}]" if mark else text


def _describe_difference(found: Comparison, protocols: list[list[str]]) -> str:
    text = f"\nB - A: {found.difference:+.1f} percentage points"
    if found.interval is None or found.p is None:
        return f"{text}; one speaker says nothing about others, so there is no interval."
    tests = f"McNemar's exact test: {_p(found.mcnemar)}"
    if len(found.mcnemar) > 1:
        tests += f" (median of {len(found.mcnemar)} pairs of seeds)"
    return (
        f"{text}, 95 % interval {found.interval.low:+.1f} to {found.interval.high:+.1f}, "
        f"{_p((found.p,))}\n{_verdict(found, protocols)}\n"
        f"{tests}; it takes clips for independent: believe the interval."
    )


def _p(values: tuple[float, ...]) -> str:
    value = median(values)
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def _verdict(found: Comparison, protocols: list[list[str]]) -> str:
    better = "B" if found.difference > 0 else "A"
    a, b = (", ".join(names) for names in protocols)
    if a and b and a != b:
        higher = f"{better} scores higher" if found.flagged else "Neither scores higher for sure"
        return f"{higher}, but the protocols differ ({a}; {b}): this compares tests, not systems."
    verdict = f"{better} is better." if found.flagged else "No difference can be told from chance."
    if not found.of_trainings:
        return verdict
    return (
        f"{verdict} A side has one seed: this compares two trainings, not two systems; another "
        "seed would give another difference."
    )


def _describe_flips(changed: pd.DataFrame, found: Comparison, top: int) -> str:
    lines = [f"\nClips that flipped from A to B: {found.won} won, {found.lost} lost"]
    flipped = changed[changed["flip"] != ""]
    for emotion in ordered(flipped["emotion"]):
        kinds = flipped.loc[flipped["emotion"] == emotion, "flip"]
        won, lost = (kinds == "won").sum(), (kinds == "lost").sum()
        lines.append(f"  {emotion:<10}{won:>5} won{lost:>5} lost")
    shown = changed.head(top)
    if not shown.empty:
        table = shown[["clip", "emotion", "answer_a", "answer_b", "right_a", "right_b"]]
        lines.append("\nLargest changes (right: share of seeds that recognise the clip)")
        lines.append(table.to_string(index=False, float_format=lambda share: f"{share:.2f}"))
    return "\n".join(lines)


@app.command("review")
def review_two(
    base: Annotated[str, typer.Argument(help="what to compare with: commit, branch, tag, ...")],
    head: Annotated[
        str, typer.Argument(help="what to review: the same, or an experiment")
    ] = WORKSPACE,
    out: Annotated[Path, typer.Option(help="folder of review.html and review.md")] = Path("review"),
) -> None:
    """Review an experiment: what changed, is it real, can it be trusted?"""
    # figures and statistics take seconds to import, which no other command should wait for
    from ser.review.report import make_review, review_html, review_markdown

    seconds = Path("logs/seconds.json")
    review = make_review(
        open_revision(base),
        open_revision(head),
        seconds.read_text(encoding="utf-8") if seconds.is_file() else None,
    )
    texts = {"review.md": review_markdown(review), "review.html": review_html(review)}
    out.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        with whole_file(out / name) as aside:
            aside.write_text(text, encoding="utf-8")
    print(f"{out / 'review.html'} opens in any browser; {out / 'review.md'} is its summary.")


@app.command("offline")
def offline() -> None:
    """Write the page that `dvc plots` fills, so that it opens without a network; part of set-up."""
    from ser.review.offline import PAGE, write_plots_page

    write_plots_page()
    print(f"{PAGE} is written.")


@app.command("protocols")
def list_protocols() -> None:
    """List the protocols: what each is, and what crosses from training to test by intent."""
    rows = [
        (protocol.name, protocol.kind, ", ".join(sorted(protocol.crosses)), protocol.summary)
        for protocol in PROTOCOLS.values()
    ]
    print(_aligned([("protocol", "kind", "crosses", "summary"), *rows]))


def _aligned(rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


@app.command("folds")
def list_folds(
    pin: Annotated[bool, typer.Option("--pin", help="pin the folds that are not yet")] = False,
    splits: Annotated[Path, typer.Option(help="what the split stage made")] = Path("data/splits"),
    pins: Annotated[Path, typer.Option(help="file of pins")] = Path("ser/splits/pins.csv"),
) -> None:
    """List the fold tables with their hashes; with --pin, pin the new ones."""
    found = {
        (path.parents[1].name, path.stem): read_folds(path)
        for path in sorted(splits.glob("*/folds/*.csv"))
    }
    if not found:
        raise SerError(f"There is no fold table in {splits}; run `dvc repro split`.")
    hashes = {key: hash_folds(folds) for key, folds in found.items()}
    rows = [
        (protocol, corpus, str(folds["fold"].nunique()), hashes[corpus, protocol])
        for (corpus, protocol), folds in found.items()
    ]
    print(_aligned([("protocol", "corpus", "folds", "SHA-256"), *rows]))
    if pin:
        _pin(hashes, pins)


def _pin(hashes: dict[tuple[str, str], str], path: Path) -> None:
    """Add hashes, by corpus and protocol, to the file of pins; those it has stay as they are."""
    pinned = _read_pins(path)
    for (corpus, protocol), found in hashes.items():
        if pinned.get((corpus, protocol), found) != found:
            raise SerError(
                f"The folds of protocol {protocol} on {corpus} differ from those pinned in {path}, "
                "which do not change; give a changed protocol another name."
            )
    together = pinned | hashes
    rows = [(protocol, corpus, together[corpus, protocol]) for corpus, protocol in sorted(together)]
    write_csv(path, pd.DataFrame(rows, columns=["protocol", "corpus", "sha256"]))
    print(f"{len(together) - len(pinned)} pinned, {len(pinned)} were before ({path}).")


def _read_pins(path: Path) -> dict[tuple[str, str], str]:
    if not path.is_file():
        return {}
    try:
        table = pd.read_csv(path, dtype=str)
        return {(row.corpus, row.protocol): row.sha256 for row in table.itertuples()}
    except (ValueError, AttributeError):
        raise SerError(
            f"{path} is not a table of pins (protocol, corpus, sha256); restore it from git."
        ) from None


def entry() -> None:
    """Run the command line: what `ser` calls."""
    run(app)


if __name__ == "__main__":
    entry()
