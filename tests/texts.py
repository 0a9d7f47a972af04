"""What the texts hold: fenced blocks, code, links, and the examples of `docs/extending.md`."""

import copy
import re
from pathlib import Path
from typing import Any

import yaml

# the first line of a block that shows a file: "# params.yaml"
_FILE = re.compile(r"# ([\w/.]+)\n")


def blocks(text: str) -> list[tuple[str, str]]:
    """Fenced blocks, as (language, content)."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def prose(text: str) -> str:
    """A text without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def code(text: str) -> str:
    """Everything set as code: blocks, with continued lines joined, and spans."""
    spans = re.findall(r"`([^`\n]+)`", prose(text))
    return "\n".join([content for _, content in blocks(text)] + spans).replace("\\\n", " ")


def links(text: str) -> list[str]:
    """Targets of links and images, without anchors."""
    targets = re.findall(r"\]\(([^)\s]+)\)", prose(text))
    return [path for path in (target.partition("#")[0] for target in targets) if path]


def shown_files(text: str, language: str) -> list[tuple[str, str]]:
    """Blocks in a language that name a file on their first line, as (path, content)."""
    found = [(_FILE.match(content), content) for kind, content in blocks(text) if kind == language]
    return [(name[1], content) for name, content in found if name]


def merged(table: dict[str, Any], rows: dict[str, Any]) -> dict[str, Any]:
    """A table of YAML with the rows that an example shows; entries of lists are added."""
    result = copy.deepcopy(table)
    for key, value in rows.items():
        known = result.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            result[key] = merged(known, value)
        else:
            result[key] = known + value if isinstance(known, list) else value
    return result


def with_examples(text: str, file: str, table: dict[str, Any]) -> dict[str, Any]:
    """A file of YAML with all that a text shows of it."""
    for name, content in shown_files(text, "yaml"):
        if name == file:
            table = merged(table, yaml.safe_load(content))
    return table


def apply_diffs(text: str, root: Path) -> None:
    """Make the changes that the diffs of a text show below a folder.

    A diff has no line numbers: of each hunk, the lines without a plus stand in the file, once.

    Raises:
        AssertionError: if they do not.
    """
    for kind, content in blocks(text):
        if kind != "diff":
            continue
        for part in re.split(r"^--- ", content, flags=re.MULTILINE)[1:]:
            name, *hunks = re.split(r"\n@@\n", f"\n{part}".replace("\n@@\n", "\n\n@@\n"))
            path = root / name.strip()
            source = path.read_text(encoding="utf-8")
            for hunk in hunks:
                lines = hunk.strip("\n").split("\n")
                before = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("+"))
                after = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("-"))
                count = source.count(before)
                assert count == 1, f"{path.name} has {count} times:\n{before}"
                source = source.replace(before, after)
            path.write_text(source, encoding="utf-8")
