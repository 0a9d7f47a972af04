"""`ser corpora`: what there is, how to get it, whether it is whole and what it gives away."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from ser.core.errors import SerError
from ser.core.files import whole_file

app = typer.Typer(
    help="List, fetch, check and add corpora.", invoke_without_command=True, no_args_is_help=False
)
_NAME = Annotated[str, typer.Argument(help="name of its file in ser/corpora")]


@app.callback()
def overview(context: typer.Context) -> None:
    """List all corpora: language, size, licence, whether they are on this disk."""
    if context.invoked_subcommand is None:
        from ser.catalogue.overview import rows

        table = rows()
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        for row in table:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            print("  ".join(cells).rstrip())


@app.command("page")
def write_page() -> None:
    """Write the pages of the docs that describe every corpus."""
    from ser.catalogue.overview import PAGES, write_pages

    write_pages()
    print(f"{', '.join(map(str, PAGES.values()))} are written.")


@app.command()
def get(name: _NAME) -> None:
    """Fetch a corpus's archives, with progress; go on where an earlier download ended."""
    from ser.corpora import find_corpus
    from ser.download.source import ARCHIVE_FOLDER, describe_source, fetch

    corpus = find_corpus(name)
    found = describe_source(corpus)
    if found is not None and "://" not in found:
        print(f"{corpus.title}: {found}.")
    elif not corpus.archives:
        place = ARCHIVE_FOLDER / name
        raise SerError(f"{corpus.title} is fetched from nowhere; put its files into {place}.")
    else:
        for archive in corpus.archives:
            print(f"{corpus.title}: {fetch(corpus, archive)}.")
    terms = f" ({corpus.terms})" if corpus.terms else ""
    print(f"Licence: {corpus.licence}{terms}. Cite {corpus.citation}.")
    print(f"Next: ser corpora check {name}")


@app.command()
def check(
    name: _NAME,
    folder: Annotated[
        Path | None, typer.Argument(help="where it lies; else its mirror, archive or folder")
    ] = None,
    names_only: Annotated[bool, typer.Option("--names", help="read no sound")] = False,
) -> None:
    """Say what is missing, damaged or doubled, and what gives emotions away; 1 if faulty."""
    from tempfile import TemporaryDirectory

    from ser.catalogue.check import check_folder
    from ser.corpora import find_corpus
    from ser.download.source import list_sound, source_files
    from ser.shortcuts.verdicts import described, sentences

    corpus = find_corpus(name)
    if folder is not None and not folder.is_dir():
        raise SerError(f"{folder} is not a folder; name the one that holds {corpus.title}.")
    with TemporaryDirectory(prefix="ser-corpus-") as aside:
        if folder is not None:
            report = check_folder(corpus, list_sound(folder), names_only)
        else:
            with source_files(corpus, Path(aside) / name) as files:
                report = check_folder(corpus, files, names_only)
    for title, lines in (
        ("Faults", report.faults),
        ("What is there", report.notes),
        ("What is no emotion and tells it", described(report.shortcuts)),
        ("Warnings", sentences(report.shortcuts)),
    ):
        if lines:
            print(f"{title}:")
            print("".join(f"  {line}\n" for line in lines[:40]), end="")
            if len(lines) > 40:
                print(f"  and {len(lines) - 40} more")
    if len(report.shortcuts) and not sentences(report.shortcuts):
        print("Warnings: none; no shortcut beats chance.")
    if report.faults:
        sys.exit(1)


@app.command("new")
def new(
    name: _NAME,
    folder: Annotated[Path, typer.Argument(help="folder of recordings, in any layout")],
    out: Annotated[Path, typer.Option(help="folder of the file")] = Path("ser/corpora"),
) -> None:
    """Draft the file of a new corpus from the names in a folder, for you to correct."""
    from ser.catalogue.draft import draft
    from ser.download.source import ARCHIVE_FOLDER, list_sound

    path = out / f"{name}.py"
    if path.exists():
        raise SerError(f"{path} is there already; give another name, or remove it.")
    if not folder.is_dir():
        raise SerError(f"{folder} is not a folder; name the one that holds the recordings.")
    text = draft(name, list_sound(folder), folder)
    with whole_file(path) as aside:
        aside.write_text(text, encoding="utf-8")
    print(text)
    print(
        f"{path} is a guess: correct it, put the recordings into {ARCHIVE_FOLDER / name}, then run "
        f"`ser corpora check {name}`."
    )
