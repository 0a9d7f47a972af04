"""The page's words in its two languages."""

import csv
from functools import cache
from pathlib import Path

_WORDS = Path(__file__).with_name("words.csv")
LANGUAGES = ("en", "es")


@cache
def words() -> dict[str, dict[str, str]]:
    """By language and by what the page calls them."""
    with _WORDS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {language: {row["words"]: row[language] for row in rows} for language in LANGUAGES}
