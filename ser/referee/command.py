"""`ser audit`: the page, where it goes, and the exit status."""

import sys
from collections.abc import Sequence
from pathlib import Path

from ser.core.errors import SerError
from ser.core.files import whole_file

CLEAN, LEAK, BAD_INPUT = 0, 1, 2


def run_audit(
    paths: Sequence[Path],
    columns: Sequence[str],
    corpus: str,
    audio: Path | None,
    claimed: str,
    table: str,
    pattern: str,
    markdown: Path | None,
    html: Path | None,
) -> int:
    """Audit, print the page, write it where that is asked for; return the exit status.

    It is 1 where the audit finds a leak, and 2 where the input is bad, which one sentence says.
    """
    try:
        # statistics take seconds to import
        from ser.referee.audit import Asked, audit
        from ser.referee.words import sections, title
        from ser.reports.review.page import as_html, as_markdown, as_text

        asked = Asked(columns, corpus, audio, claimed, table, pattern)
        found = audit(paths, asked)
        name, page = title(found), sections(found)
        for path, text in ((markdown, as_markdown(name, page)), (html, as_html(name, page))):
            if path is not None:
                with whole_file(path) as aside:
                    aside.write_text(text, encoding="utf-8")
    except ModuleNotFoundError as error:
        print(
            f"error: {error.name} is not installed; an audit needs honest-ser[pipeline].",
            file=sys.stderr,
        )
        return BAD_INPUT
    except (SerError, OSError) as error:
        shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in _sentence(error))
        print(f"error: {shown}", file=sys.stderr)
        return BAD_INPUT
    print(as_text(name, page), end="")
    return LEAK if found.leaks else CLEAN


def _sentence(error: SerError | OSError) -> str:
    if isinstance(error, SerError):
        return str(error)
    where = f" ({error.filename})" if error.filename else ""
    return f"{error.strerror or type(error).__name__}{where}."
