"""The site: built strictly, both languages whole, every answer in its tables."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import pytest
from mkdocs.exceptions import Abort

from ser.core.errors import SerError
from ser.splits.protocols import find_protocol
from website import build
from website.answers import answers_page, answers_table
from website.build import for_site, linked_files, nav_pages, read_nav, read_systems, spanish


class Page(HTMLParser):
    """Links, images, scripts and anchors of a page, and how many rows its tables have."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self.anchors, self.rows = path, set(), 0
        self.targets: list[str] = []
        self.loads: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.rows += tag == "tr"
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
    """The real site, built elsewhere, with few answers: only their number costs time."""
    work = tmp_path_factory.mktemp("site")
    read_answers = build.read_answers
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "read_answers", lambda path: read_answers(path).head(5))
        build.build_site(work)
    html = work / "html"
    return {path.relative_to(html): Page(path) for path in sorted(html.rglob("*.html"))}


def test_every_page_is_there_in_both_languages(site: dict[Path, Page]) -> None:
    answers = [f"docs/answers/{name}.md" for name in read_systems()]
    for page in [*nav_pages(read_nav()), *answers]:
        html = re.sub(r"README\.md$", "index.md", page).replace(".md", ".html")
        for name in (html, f"es/{html}"):
            assert Path(name) in site, f"{name} was not built"
            assert page not in answers or site[Path(name)].rows == 6, f"{name}: its table"


def test_links_images_and_anchors_lead_somewhere(site: dict[Path, Page]) -> None:
    pages = {page.path: page for page in site.values()}
    for path, page in pages.items():
        if path.name == "404.html":  # its links begin at the root of wherever the site stands
            continue
        foreign = [load for load in page.loads if re.match(r"(https?:)?//", load)]
        assert not foreign, f"{path.name} loads {foreign[0]} from elsewhere"
        for target in [*page.targets, *page.loads]:
            name, _, anchor = unquote(target).partition("#")
            if re.match(r"[a-z]+:", name):
                continue
            found = (path.parent / name).resolve() if name else path
            found = found / "index.html" if found.is_dir() else found
            assert found.is_file(), f"{path.name} leads to {target}, which does not exist"
            if anchor and found in pages and not anchor.startswith("__"):
                assert anchor in pages[found].anchors, f"{path.name}: no anchor {target}"


def test_a_table_of_answers_has_every_clip_in_both_languages() -> None:
    columns = ("clip", "speaker", "gender", "emotion", "answer", "confidence", "of_truth", "right")
    rows = [
        ("a/<1>", "01", "male", "sad", "happy", 0.93, 0.05, 0.0),
        ("a/2", "02", "female", "sad", "sad", 0.61, 0.61, 1.0),
    ]
    table = pd.DataFrame(rows, columns=columns)
    english, other = (answers_table(table, language) for language in ("en", "es"))
    for page in (english, other):
        assert page.count("<tr") == len(table) + 1
        assert page.index("a/&lt;1&gt;") < page.index("a/2")
        assert page.count('class="wrong"') == 1
    assert "0.93" in english
    assert "0,93" in other


def test_pages_of_marked_systems_show_the_mark() -> None:
    for name, shown in (("speaker_normalized", "(**transductive**)"), ("leaky_random", "(**LEAKY")):
        assert shown in answers_page("one", find_protocol(name), "en")
    assert "**" not in answers_page("one", find_protocol("speaker_independent"), "en")


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
    def one_page(pages: Path) -> None:
        (pages / "assets").mkdir(parents=True)
        (pages / "README.md").write_text("# T\n\n[nowhere](nowhere.md)\n", encoding="utf-8")

    monkeypatch.setattr(build, "gather", one_page)
    monkeypatch.setattr(build, "read_systems", dict)
    monkeypatch.setattr(build, "read_nav", lambda: [{"Start": "README.md"}])
    with pytest.raises(Abort):
        build.build_site(tmp_path)
