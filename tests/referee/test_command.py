"""`ser audit` as a command: status, pages, and nothing that a terminal or a browser obeys."""

from pathlib import Path

import pandas as pd
from typer.testing import CliRunner, Result

from ser import cli
from tests.referee.splits import change, held_out


def call(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, ["audit", *map(str, arguments)])


def written(folder: Path, table: pd.DataFrame, name: str = "split.csv") -> Path:
    table.to_csv(folder / name, index=False)
    return folder / name


def test_the_status_says_what_was_found(tmp_path: Path) -> None:
    clean = held_out()
    for table, status, word in (
        (clean, 0, "No leak found"),
        (change(clean, 0, split="train"), 1, "Leak: what is tested"),
        (clean[["file"]], 2, ""),
    ):
        result = call(written(tmp_path, table))
        assert result.exit_code == status, result.output
        assert word in result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) == 1
    assert not result.stdout
    assert call(tmp_path / "nothing.csv").exit_code == 2
    assert call(written(tmp_path, clean), "--md", tmp_path).exit_code == 2, "a folder is no file"


def test_the_page_is_written_in_both_forms_with_the_verdict_at_its_top(tmp_path: Path) -> None:
    split = written(tmp_path, held_out())
    markdown, html = tmp_path / "page.md", tmp_path / "page.html"
    result = call(split, "--md", markdown, "--html", html)
    assert result.exit_code == 0
    lines = markdown.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# Audit of `split.csv`"
    assert lines[4].startswith("**No leak found.**")
    page = html.read_text(encoding="utf-8")
    assert "<strong>No leak found.</strong>" in page
    assert "default-src 'none'" in page, "nothing is loaded from anywhere"
    assert max(map(len, result.output.splitlines())) <= 100
    assert len(result.output.splitlines()) <= 60, "one page"


def test_names_from_files_stay_text(tmp_path: Path) -> None:
    nasty = "<script>alert(1)</script>\x1b[2J\u202e`**|\x07.wav"
    table = held_out()
    twice = table[table["split"] == "test"].iloc[:1].assign(file=nasty)
    both = pd.concat([table, twice, twice.assign(split="train")])
    split = written(tmp_path, both, "a\x1b[31m<b>.csv")
    markdown, html = tmp_path / "page.md", tmp_path / "page.html"
    result = call(split, "--md", markdown, "--html", html)
    assert result.exit_code == 1
    for text in (result.output, markdown.read_text("utf-8"), html.read_text("utf-8")):
        assert "alert(1)" in text, "the name is not shown"
        assert not set("\x1b\x07\u202e") & set(text)
    assert "<script" not in html.read_text("utf-8")
    assert "<b>" not in html.read_text("utf-8")
    assert "<script" not in markdown.read_text("utf-8").replace("`<script", "")
    refused = call(written(tmp_path, table.rename(columns={"file": "\x1b[2J"})))
    assert refused.exit_code == 2
    assert "\x1b" not in refused.output
