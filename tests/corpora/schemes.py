"""Names of clips made from the pattern of a corpus."""

import random
import re
from collections.abc import Mapping
from functools import cache
from re import _constants as kinds  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from ser.download.corpus import Corpus

# of a set of letters, and of any letter but some
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_MOST_REPEATS = 3


@cache
def _tree(pattern: str) -> Any:
    return parser.parse(pattern, re.ASCII)


def make_name(corpus: Corpus, rng: random.Random, given: Mapping[str, str] | None = None) -> str:
    """A name that the pattern allows; `given` says what stands in some groups."""
    whole = re.compile(corpus.pattern, re.ASCII)
    numbers = {whole.groupindex[group]: text for group, text in (given or {}).items()}
    for _ in range(100):
        said: dict[int, str] = {}
        name = "".join(_write(part, rng, said, numbers) for part in _tree(corpus.pattern))
        if whole.fullmatch(name):  # what must not follow may have
            return name
    raise AssertionError(f"no name of {corpus.name} is found")


def make_group(corpus: Corpus, group: str, rng: random.Random) -> str:
    """What may stand in a group of the pattern."""
    match = re.compile(corpus.pattern, re.ASCII).fullmatch(make_name(corpus, rng))
    assert match is not None
    return str(match[group])


def _write(part: Any, rng: random.Random, said: dict[int, str], given: dict[int, str]) -> str:
    kind, what = part
    if kind is kinds.LITERAL:
        return chr(what)
    if kind is kinds.IN:
        return rng.choice(_allowed(what))
    if kind is kinds.NOT_LITERAL:
        return rng.choice(_LETTERS)
    if kind is kinds.BRANCH:
        return "".join(_write(one, rng, said, given) for one in rng.choice(what[1]))
    if kind is kinds.MAX_REPEAT:
        least, most, inner = what
        times = rng.randint(least, min(int(most), least + _MOST_REPEATS))
        return "".join(_write(one, rng, said, given) for _ in range(times) for one in inner)
    if kind is kinds.SUBPATTERN:
        number, inner = what[0], what[-1]
        text = given.get(number) or "".join(_write(one, rng, said, given) for one in inner)
        said[number] = text
        return text
    if kind is kinds.GROUPREF:
        return said[what]
    assert kind is kinds.ASSERT_NOT, f"names cannot be made of {kind}"
    return ""


def _allowed(members: Any) -> str:
    found = ""
    for kind, what in members:
        if kind is kinds.NEGATE:
            return _LETTERS
        if kind is kinds.LITERAL:
            found += chr(what)
        elif kind is kinds.RANGE:
            found += "".join(map(chr, range(what[0], what[1] + 1)))
        else:
            digits = what is kinds.CATEGORY_DIGIT
            found += "0123456789" if digits else _LETTERS
    return found
