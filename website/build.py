"""Gather the texts and the tracked figures, and build the site: `python -m website.build`.

Pages keep the places that they have in the repository, so the same relative links work in both. A
file that a page links to is taken along; a link that leads nowhere ends the build.
"""

import logging
import re
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort

from ser.core.entry import run
from ser.core.errors import SerError
from ser.core.settings import load_values
from ser.reading.settings import System, load_systems
from ser.reports.markdown import Language
from ser.reports.review.model_card import FOLDER as CARDS
from ser.splits.protocols import find_protocol
from website.answers import FOLDER, PLACE, answers_page, answers_table, read_answers, table_path

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / ".site"
CONFIG = ROOT / "website" / "mkdocs.yml"
LANGUAGES: tuple[Language, ...] = ("en", "es")
_LINK = re.compile(r"(?<=\]\()([^)\s]+)(?=\))")
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
# the line under a title that leads to the other language: the site has a switch
_OTHER_LANGUAGE = re.compile(r"^\[(?:Español|English)\]\([^)]+\)\n+", re.MULTILINE)


def nav_pages(nav: list[Any]) -> Iterator[str]:
    """Pages that a navigation lists, in order."""
    for entry in nav:
        for target in entry.values():
            if isinstance(target, str):
                yield target
            else:
                yield from nav_pages(target)


def read_nav() -> list[Any]:
    """The navigation of `mkdocs.yml`; its tags for Python are of no interest here."""
    text = CONFIG.read_text(encoding="utf-8")
    return yaml.safe_load(text[text.index("\nnav:") :])["nav"]


def spanish(page: str) -> str:
    """Name of the Spanish page beside an English one."""
    return str(PurePosixPath(page).with_suffix(".es.md"))


def for_site(text: str) -> str:
    """A text of the repository as a page: the site itself finds pages in the reader's language."""
    parts = _FENCE.split(_OTHER_LANGUAGE.sub("", text, count=1))
    parts = [_LINK.sub(lambda link: link[1].replace(".es.md", ".md"), part) for part in parts]
    fences = [*_FENCE.findall(text), ""]
    return "".join(part + fence for part, fence in zip(parts, fences, strict=True))


def linked_files(text: str, page: str) -> Iterator[str]:
    """Files of the repository that a page links to, pages left out.

    Raises:
        SerError: if one does not exist.
    """
    for target in _LINK.findall(_FENCE.sub("", text)):
        path = target.partition("#")[0]
        if not path or re.match(r"[a-z]+:", path) or path.endswith(".md"):
            continue
        found = (ROOT / PurePosixPath(page).parent / path).resolve()
        if not found.is_file() or not found.is_relative_to(ROOT):
            raise SerError(f"{page} links to {target}, which does not exist.")
        yield found.relative_to(ROOT).as_posix()


def gather(pages: Path) -> None:
    """Write all pages, and the files that they link to, into a folder.

    Raises:
        SerError: if a page links to a file that does not exist.
    """
    shutil.copytree(ROOT / "website" / "assets", pages / "assets")
    for name, text in read_pages().items():
        path = pages / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(for_site(text), encoding="utf-8")
        for linked in linked_files(text, name):
            (pages / linked).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / linked, pages / linked)


def read_pages() -> dict[str, str]:
    """Texts of all pages by their places: those of the navigation, and answers of every system."""
    found = [name for page in nav_pages(read_nav()) for name in (page, spanish(page))]
    texts = {
        name: (ROOT / name).read_text(encoding="utf-8")
        for name in found
        if (ROOT / name).is_file()  # some texts are in English only
    }
    for system, settings in read_systems().items():
        card = f"{CARDS.as_posix()}/{system}.md"
        texts[card] = (ROOT / card).read_text(encoding="utf-8")
        page = f"{FOLDER}/{system}.md"
        for language, name in zip(LANGUAGES, (page, spanish(page)), strict=True):
            protocol = find_protocol(settings.protocol)
            texts[name] = answers_page(system, protocol, language)
    return texts


def read_systems() -> dict[str, System]:
    """The systems of params.yaml, by name."""
    return load_systems(load_values(ROOT / "params.yaml"))


def with_systems(nav: list[Any], systems: list[str]) -> list[Any]:
    """The navigation with a card and a page of answers for every system, under Results."""
    cards = {"Model cards": [{system: f"{CARDS.as_posix()}/{system}.md"} for system in systems]}
    answers = {"Answers": [{system: f"{FOLDER}/{system}.md"} for system in systems]}
    return [
        {"Results": [*entry["Results"], cards, answers]} if "Results" in entry else entry
        for entry in nav
    ]


def build_site(work: Path) -> Path:
    """Gather and build in a folder; a warning, such as a broken link, is an error.

    Returns:
        The folder `work/html`.

    Raises:
        SerError: if a page links to a file that does not exist.
        mkdocs.exceptions.Abort: if a link between pages leads nowhere.
    """
    for old in ("pages", "html"):
        shutil.rmtree(work / old, ignore_errors=True)
    gather(work / "pages")
    systems = list(read_systems())
    config = load_config(
        str(CONFIG),
        strict=True,
        nav=with_systems(read_nav(), systems),
        docs_dir=str(work / "pages"),
        site_dir=str(work / "html"),
    )
    config.plugins.on_startup(command="build", dirty=False)
    try:
        build(config)
    finally:
        config.plugins.on_shutdown()
    for system in systems:
        put_answers(work / "html", system)
    return work / "html"


def put_answers(html: Path, system: str) -> None:
    """Put the table of a system's answers into its page, in both languages."""
    table = read_answers(ROOT / table_path(system))
    for language, folder in zip(LANGUAGES, (".", "es"), strict=True):
        path = html / folder / FOLDER / f"{system}.html"
        before, found, after = path.read_text(encoding="utf-8").partition(PLACE)
        if not found:
            raise SerError(f"{path} has no place for the answers.")
        whole = f"{before}{answers_table(table, language)}{after}"
        path.write_text(whole, encoding="utf-8")


def main() -> None:
    """Build the site into `.site/html`."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        html = build_site(WORK)
    except Abort:
        raise SerError("The site was not built, for the reason above.") from None
    print(f"The site is in {html.relative_to(ROOT)}; open index.html.")


if __name__ == "__main__":
    run(main)
