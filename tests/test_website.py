"""The site: built strictly, both languages whole, every answer in its tables."""

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import pytest
from mkdocs.exceptions import Abort

from ser.errors import SerError
from ser.params import load_params
from tests.builders import REPOSITORY
from website import build
from website.answers import answers_page
from website.build import for_site, linked_files, nav_pages, read_nav, spanish

PARAMS = load_params(REPOSITORY / "params.yaml")


class Page(HTMLParser):
    """Links, images, scripts and anchors of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self.anchors = path, set()
        self.targets: list[str] = []
        self.loads: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if values.get("id"):
            self.anchors.add(values["id"])
        if tag == "a" and values.get("href"):
            self.targets.append(str(values["href"]))
        if tag in ("script", "img") and values.get("src"):
            self.loads.append(str(values["src"]))
        if tag == "link" and values.get("rel") == "stylesheet":
            self.loads.append(str(values["href"]))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Page]:
    """The real site, built elsewhere."""
    work = tmp_path_factory.mktemp("site")
    build.build_site(work)
    html = work / "html"
    return {path: Page(path) for path in sorted(html.rglob("*.html"))}


def test_every_page_of_the_navigation_is_there_in_both_languages(site: dict[Path, Page]) -> None:
    root = min(site, key=lambda path: len(path.parts)).parent
    pages = [*nav_pages(read_nav()), *(f"docs/answers/{name}.md" for name in PARAMS.systems)]
    for page in pages:
        html = re.sub(r"README\.md$", "index.md", page).replace(".md", ".html")
        for language in ("", "es/"):
            assert root / f"{language}{html}" in site, f"{language}{html} was not built"


def test_links_images_and_anchors_lead_somewhere(site: dict[Path, Page]) -> None:
    for path, page in site.items():
        if path.name == "404.html":  # its links begin at the root of wherever the site stands
            continue
        for target in [*page.targets, *page.loads]:
            name, _, anchor = unquote(target).partition("#")
            if re.match(r"[a-z]+:", name):
                continue
            found = (path.parent / name).resolve() if name else path
            found = found / "index.html" if found.is_dir() else found
            assert found.is_file(), f"{path.name} leads to {target}, which does not exist"
            if anchor and found in site and not anchor.startswith("__"):
                assert anchor in site[found].anchors, f"{path.name}: no anchor {target}"


def test_nothing_is_loaded_from_elsewhere(site: dict[Path, Page]) -> None:
    for path, page in site.items():
        foreign = [load for load in page.loads if re.match(r"(https?:)?//", load)]
        assert not foreign, f"{path.name} loads {foreign[0]}"


def test_a_table_of_answers_has_every_clip_in_both_languages() -> None:
    table = pd.read_csv(REPOSITORY / "plots" / "mistakes" / "emodb.csv", dtype={"speaker": str})
    english, spanish_ = (
        answers_page("emodb", PARAMS, REPOSITORY / "plots", language) for language in ("en", "es")
    )
    for page in (english, spanish_):
        assert page.count("<tr") == len(table) + 1
        first = page[page.index("<tbody>") :]
        assert first.index(table["clip"].iloc[0]) < first.index(table["clip"].iloc[-1])
    assert "0.93" in english
    assert "0,93" in spanish_


def test_pages_of_marked_systems_show_the_mark() -> None:
    page = answers_page("ravdess_speaker_normalized", PARAMS, REPOSITORY / "plots", "en")
    assert "**TRANSDUCTIVE" in page or "**transductive" in page


def test_links_to_the_other_language_become_the_site_s_own() -> None:
    text = "# T\n\n[English](a.md)\n\nSee [b](b.es.md#c).\n\n```sh\ncat b.es.md\n```\n"
    assert for_site(text) == "# T\n\nSee [b](b.md#c).\n\n```sh\ncat b.es.md\n```\n"
    assert spanish("docs/a.md") == "docs/a.es.md"


def test_a_link_to_a_file_that_is_not_there_is_refused() -> None:
    assert list(linked_files("[p](../params.yaml)", "docs/loss.md")) == ["params.yaml"]
    with pytest.raises(SerError, match=r"docs/loss\.md links to \.\./nothing\.png"):
        list(linked_files("![p](../nothing.png)", "docs/loss.md"))


def test_a_broken_link_between_pages_ends_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gather = build.gather

    def with_a_broken_link(pages: Path) -> None:
        gather(pages)
        with (pages / "docs" / "loss.md").open("a", encoding="utf-8") as page:
            page.write("\n[nowhere](nowhere.md)\n")

    monkeypatch.setattr(build, "gather", with_a_broken_link)
    with pytest.raises(Abort):
        build.build_site(tmp_path)
    shutil.rmtree(tmp_path)
