"""What a review is made of, as Markdown and as one page that opens without a network.

Texts may hold `code`, **strong** and *emphasised* words. Whatever else looks like markup, such as a
tag in the name of a branch, is shown as it stands: it never becomes an element of the page.
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape

from ser.reports.markdown import markdown_table

_MARKUP = (
    (re.compile(r"`([^`]+)`"), r"<code>\1</code>"),
    (re.compile(r"\*\*([^*]+)\*\*"), r"<strong>\1</strong>"),
    (re.compile(r"\*([^*]+)\*"), r"<em>\1</em>"),
)


@dataclass(frozen=True)
class Grid:
    """A table whose first columns, `names` of them, are words."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    names: int


@dataclass(frozen=True)
class Picture:
    """A PNG image; Markdown leaves it out."""

    title: str
    image: bytes

    @property
    def base64(self) -> str:
        """The image as the page holds it."""
        return b64encode(self.image).decode()


@dataclass(frozen=True)
class Section:
    """A heading of level 2 or 3, and what stands below it: texts, lists, tables and pictures."""

    title: str
    blocks: Sequence[str | list[str] | Grid | Picture]
    level: int = 2


def code(value: str) -> str:
    """Anything as code, on one line and in one piece."""
    return f"`{' '.join(value.replace('`', chr(39)).split())}`"


def rich(text: str) -> Markup:
    """HTML of a text: escaped, with its code, strong and emphasised words."""
    html = str(escape(text))
    for pattern, replacement in _MARKUP:
        html = pattern.sub(replacement, html)
    return Markup(html)


def as_html(title: str, sections: Sequence[Section]) -> str:
    """The page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["rich"] = rich
    return environment.get_template("page.html").render(title=title, sections=sections)


def as_markdown(title: str, sections: Sequence[Section]) -> str:
    """The same without pictures."""
    parts = [f"# {_plain(title)}"]
    for section in sections:
        parts.append(f"{'#' * section.level} {_plain(section.title)}")
        for block in section.blocks:
            if isinstance(block, str):
                parts.append(_plain(block))
            elif isinstance(block, Grid):
                rows = [[_plain(cell).replace("|", r"\|") for cell in row] for row in block.rows]
                parts.append(markdown_table(block.header, rows, block.names))
            elif isinstance(block, list):
                parts.append("\n".join(f"- {_plain(line)}" for line in block))
    return "\n\n".join([*parts, ""])


def _plain(text: str) -> str:
    """A text on one line whose tags are no tags; in code they are none anyway."""
    pieces = re.split(r"(`[^`]*`)", " ".join(text.split()))
    return "".join(
        piece if number % 2 else re.sub(r"<(?=[a-zA-Z/!?])", "&lt;", piece)
        for number, piece in enumerate(pieces)
    )


def as_text(title: str, sections: Sequence[Section], width: int = 88) -> str:
    """The same for a terminal: wrapped, tables aligned, and nothing that a terminal would obey."""
    parts = [_bare(title), "=" * len(_bare(title))]
    for section in sections:
        parts.append(f"\n{_bare(section.title).upper()}")
        for block in section.blocks:
            if isinstance(block, str):
                parts.append(fill(_bare(block), width))
            elif isinstance(block, Grid):
                parts.append(_aligned([block.header, *block.rows], block.names))
            elif isinstance(block, list):
                lines = (fill(_bare(line), width, subsequent_indent="  ") for line in block)
                parts += [f"- {line}" for line in lines]
    return "\n".join([*parts, ""])


def _bare(text: str) -> str:
    """A text on one line, without its marks, and with what cannot be printed in words."""
    plain = re.sub(r"\*\*([^*]+)\*\*|`([^`]+)`|\*([^*]+)\*", r"\1\2\3", " ".join(text.split()))
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in plain)


def _aligned(rows: Sequence[Sequence[str]], names: int) -> str:
    cells = [[_bare(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = (
        "  ".join(
            cell.ljust(width) if place < names else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    )
    return "\n".join(line.rstrip() for line in lines)
