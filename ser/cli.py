"""Commands for people: `ser --help`. What takes seconds to import is imported where it is used."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ser.catalogue.command import app as corpora
from ser.core.entry import run
from ser.core.errors import SerError
from ser.core.files import whole_file, write_csv
from ser.core.settings import load_values
from ser.export.command import app as export_app

if TYPE_CHECKING:
    import pandas as pd

    from ser.download.corpus import Corpus
    from ser.predict.recogniser import Recogniser

# the files that lie here, committed or not (ser.reports.revisions)
WORKSPACE = "workspace"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True)
app.add_typer(export_app, name="export")
app.add_typer(corpora, name="corpora")


@app.callback()
def main() -> None:
    """Speech emotion recognition with honest numbers."""


@app.command()
def sources() -> None:
    """Say where each corpus of params.yaml would come from; exit with 3 if none can be reached."""
    from ser.corpora import find_corpus
    from ser.reading.settings import load_corpora

    corpora = [find_corpus(name) for name in load_corpora(load_values())]
    found = {corpus.title: _whereabouts(corpus) for corpus in corpora}
    if not any(found.values()):
        print(
            "No corpus source can be reached (no mirror folder, no archive, no network): "
            "running on synthetic voices instead; real results stay untouched."
        )
        sys.exit(3)
    for title, source in found.items():
        print(f"{title}: {source or 'cannot be reached'}")


def _whereabouts(corpus: "Corpus") -> str | None:
    from ser.clips.manifest import MANIFEST
    from ser.download.source import describe_source

    built = Path("data/corpora") / corpus.name
    return f"already in {built}" if (built / MANIFEST).is_file() else describe_source(corpus)


@app.command()
def repro(
    targets: Annotated[list[str] | None, typer.Argument(help="stages; all by default")] = None,
    force: Annotated[
        bool, typer.Option("--force", "-f", help="run what is up to date, too")
    ] = False,
) -> None:
    """Run what changed, as `dvc repro` does; say before how long it takes, and after what came."""
    from ser.plan import repro as run_graph

    sys.exit(run_graph(targets or [], force))


@app.command()
def check() -> None:
    """Check all of params.yaml, whether it is in use or not."""
    from ser.check import check_values

    check_values(load_values())
    print("params.yaml: every section is well.")


@app.command()
def readme() -> None:
    """Put the tables of results into the README and the docs, and write the models' cards."""
    from ser.predict.card import write_release_card
    from ser.reports.readme import update_texts

    update_texts()
    write_release_card()


_SIDE = "system, system@revision (commit, branch, tag or experiment), or a CSV of predictions"


@app.command("compare")
def compare_two(
    a: Annotated[str, typer.Argument(help=_SIDE)],
    b: Annotated[str, typer.Argument(help="the same")],
    flips: Annotated[Path | None, typer.Option(help="write the clips that changed here")] = None,
    top: Annotated[int, typer.Option(min=0, help="how many of them to print")] = 10,
) -> None:
    """Compare two results on the same clips: is B better than A by more than chance?"""
    from ser.evaluation.comparison import flipped_clips
    from ser.reports.comparison import describe_comparison

    before, now = _load_side(a), _load_side(b)
    if flips is not None:
        write_csv(flips, flipped_clips(before, now))
    print(describe_comparison((a, b), before, now, top))


@app.command()
def agree(
    known: Annotated[str, typer.Argument(help=_SIDE)],
    elsewhere: Annotated[str, typer.Argument(help="the same commit's result, made elsewhere")],
) -> None:
    """Say whether a result made elsewhere agrees with a known one; exit with 1 if not.

    On another kind of processor arithmetic differs in the last digits, and a training with it.
    """
    from ser.evaluation.agreement import agreement

    found = agreement(_load_side(known), _load_side(elsewhere))
    if found.identical:
        print("All answers are the same.")
        return
    expected = "" if found.expected is None else f" ({found.expected:.1f} % between its seeds)"
    print(
        f"UAR differs by {found.difference:+.1f} points of {found.allowed:.1f} that seeds explain; "
        f"{found.same:.1f} % of the answers are the same{expected}."
    )
    if not found.holds:
        print("They do not agree: something else than arithmetic differs.")
        sys.exit(1)
    print("They agree within what arithmetic explains.")


def _load_side(side: str) -> "pd.DataFrame":
    from ser.evaluation.predictions import PREDICTIONS, check_predictions, read_predictions
    from ser.reports.revisions import read_at_revision

    if Path(side).is_file():
        return read_predictions(Path(side))
    name, at, revision = side.partition("@")
    is_path = name.endswith(".csv") or "/" in name
    path = Path(name) if is_path else Path("plots/systems") / name / "predictions.csv"
    if not at:
        return read_predictions(path)
    return check_predictions(PREDICTIONS.parse(read_at_revision(path, revision), side), side)


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
    from ser.reports.review.report import make_review, review_html, review_markdown
    from ser.reports.revisions import open_revision

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
    from ser.reports.review.offline import PAGE, write_plots_page

    write_plots_page()
    print(f"{PAGE} is written.")


@app.command("predict")
def predict(
    inputs: Annotated[
        list[str] | None, typer.Argument(help="files, folders, patterns, or - for a pipe")
    ] = None,
    listed: Annotated[
        Path | None, typer.Option("--list", help="a text that names one of these a line")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="a system that was trained here, a folder of models, or the file of one"),
    ] = None,
    onnx: Annotated[
        Path | None, typer.Option(help="a file of `ser export onnx`, which needs no PyTorch")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one object a line")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="one row a line")] = False,
    out: Annotated[
        Path | None, typer.Option(help="write lines here (CSV if it is called so)")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="go on with --out, without what it has")
    ] = False,
) -> None:
    """Recognise emotions in your own recordings; exit with 1 if one failed, with 2 if all did."""
    from ser.predict.inputs import find_recordings

    names = find_recordings(inputs or [], listed)
    if as_json and as_csv:
        raise SerError("--json and --csv exclude each other; give one of them.")
    if resume and out is None:
        raise SerError("--resume goes on with a file; name it by --out.")
    if onnx is not None and model is not None:
        raise SerError("--onnx and --model exclude each other; give one of them.")
    from ser.predict.command import Form, predict_all

    is_csv = as_csv or (out is not None and out.suffix == ".csv" and not as_json)
    form: Form = "csv" if is_csv else "json" if as_json or out else "table"
    sys.exit(predict_all(_recogniser(model, onnx), names, form, out, resume))


def _recogniser(model: str | None, onnx: Path | None) -> "Recogniser":
    import ser

    return ser.load(model) if onnx is None else ser.load_onnx(onnx)


@app.command("listen")
def listen_now(
    model: Annotated[str | None, typer.Option(help="as for `ser predict`")] = None,
    save: Annotated[Path | None, typer.Option(help="add every answer here, one a line")] = None,
) -> None:
    """Show what the microphone hears, as bars, until Ctrl-C."""
    from rich.console import Console

    from ser.predict.listen import listen, microphone
    from ser.predict.model import load

    listen(load(model), microphone(), save, Console())


@app.command("explore")
def explore_page(
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="where to serve it; 0 takes one that is free")
    ] = 0,
    model: Annotated[str | None, typer.Option(help="as for `ser predict`")] = None,
) -> None:
    """Open a page on this machine: your own clip, a system's mistakes, two results side by side."""
    try:
        from ser.explore.command import explore
    except ModuleNotFoundError as error:
        raise SerError(
            f"ser explore needs {error.name}, which is not installed; install all that it needs "
            "by `pip install 'honest-ser[page]'`."
        ) from None
    from ser.predict.model import load

    explore(load(model), port)


@app.command("protocols")
def list_protocols() -> None:
    """List the protocols: what each is, and what crosses from training to test by intent."""
    from ser.splits.protocols import PROTOCOLS, summary

    rows = [
        (name, protocol.kind, ", ".join(sorted(protocol.crosses)), summary(name))
        for name, protocol in PROTOCOLS.items()
    ]
    print(_aligned([("protocol", "kind", "crosses", "summary"), *rows]))


def _aligned(rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


@app.command("audit")
def audit_files(
    files: Annotated[
        list[Path],
        typer.Argument(help="CSV, EmoBox's JSONL, folders of these, or an audformat folder"),
    ],
    claimed: Annotated[str, typer.Option(help="the published UAR in percent")] = "",
    audio: Annotated[Path | None, typer.Option(help="folder of the recordings")] = None,
    corpus: Annotated[str, typer.Option(help="name of the corpus; found by default")] = "",
    column: Annotated[
        list[str] | None,
        typer.Option(help="what a column holds, such as speaker=Actor; may be repeated"),
    ] = None,
    pattern: Annotated[
        str, typer.Option(help=r"reads names of files, such as '^(?P<speaker>\d\d)'")
    ] = "",
    table: Annotated[str, typer.Option(help="which tables of an audformat folder")] = "",
    markdown: Annotated[Path | None, typer.Option("--md", help="write the page here, too")] = None,
    html: Annotated[Path | None, typer.Option(help="write the page here, too")] = None,
) -> None:
    """Say what a reviewer would of somebody's split or predictions; exit with 1 at a leak.

    Exit with 2 if the files cannot be audited.
    """
    from ser.referee.command import run_audit

    given = column or []
    sys.exit(run_audit(files, given, corpus, audio, claimed, table, pattern, markdown, html))


@app.command("folds")
def list_folds(
    pin: Annotated[bool, typer.Option("--pin", help="pin the folds that are not yet")] = False,
    splits: Annotated[Path, typer.Option(help="what the split stage made")] = Path("data/splits"),
    pins: Annotated[Path, typer.Option(help="file of pins")] = Path("ser/splits/pins.csv"),
) -> None:
    """List the fold tables with their hashes; with --pin, pin the new ones."""
    from ser.guards.folds import hash_folds, read_folds
    from ser.splits.pins import add_pins

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
        added, before = add_pins(hashes, pins)
        print(f"{added} pinned, {before} were before ({pins}).")


def entry() -> None:
    """Run the command line: what `ser` calls."""
    run(app)


if __name__ == "__main__":
    entry()
