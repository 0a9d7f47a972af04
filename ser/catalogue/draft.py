"""A first draft of a corpus's file from a folder of sound: a guess, for a person to correct."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ser.core.errors import SerError
from ser.download.names import BLANK, GENDERS

# how languages and corpora call the emotions of the shared set; only whole words, or all of a
# field's values together, are taken for one
_WORDS = {
    "neutral": "neutral neu neutro neutre neutrale nor vanlig normal n",
    "calm": "calm calma calme sakin sk",
    "happy": "happy happiness joy hap gioia gio felicidad alegria joie freude glad mutlu mt h",
    "sad": "sad sadness sa tristeza tristesse tristezza tri trist traurig uzgun hl triste",
    "angry": "angry anger ang rabbia rab colere wut sint enojo ira raiva kizgin kz a",
    "fearful": "fearful fear fea afraid paura pau peur angst miedo medo redd f",
    "disgust": "disgust disgusted dis disgusto degout ekel asco avsky d",
    "surprised": "surprised surprise sur sorpresa sor su overrasket",
    "bored": "bored boredom langeweile aburrimiento kjedsom",
}
_MEANS = {word: emotion for emotion, words in _WORDS.items() for word in words.split()}
# so many emotions may a corpus show, and this share of their names must be known to be read so
_MOST, _ENOUGH = 12, 0.5
_TOKEN = re.compile(r"[A-Za-z]+|\d+|[^A-Za-z\d]+")


@dataclass(frozen=True)
class _Field:
    """A place in all names: what stands there, and how often."""

    values: Counter[str]
    is_separator: bool

    @property
    def pattern(self) -> str:
        lengths = {len(value) for value in self.values}
        kind = r"\d" if all(map(str.isdigit, self.values)) else "[A-Za-z]"
        if lengths == {1}:
            return kind
        return f"{kind}{{{min(lengths)}}}" if len(lengths) == 1 else f"{kind}+"


def draft(name: str, files: list[tuple[PurePosixPath, Path]], folder: Path) -> str:
    """The text of a corpus's file.

    Args:
        name: what the corpus will be called: small letters, digits and `_`.
        files: its files of sound, as `list_sound` lists them.
        folder: where they lie, for sentences.

    Raises:
        SerError: if there is no sound, or no part of the names can be an emotion.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise SerError(f"A corpus cannot be called {name!r}; use small letters, digits and _.")
    if not files:
        raise SerError(f"There is no file of sound in {folder}; name the folder of the recordings.")
    stems = [(path.parent / path.stem).as_posix() for path, _ in files]
    fields = _common_form(stems)
    roles = _roles(fields)
    if "emotion" not in roles.values():
        raise SerError(
            f"No part of the names in {folder} (such as {stems[0]}) can be an emotion; write "
            f"ser/corpora/{name}.py by hand, as docs/extending.md shows."
        )
    return _text(name, fields, roles, len(stems))


def _common_form(stems: list[str]) -> list[_Field]:
    """The fields of the form that most names have.

    It looks at as few folders as tell an emotion in words; where none do, as tell a code.
    """
    found = []
    for depth in range(3):
        ends = ["/".join(stem.split("/")[-1 - depth :]) for stem in stems]
        forms = Counter(_form(end) for end in ends)
        form = forms.most_common(1)[0][0]
        kept = [_TOKEN.findall(end) for end in ends if _form(end) == form]
        fields = [
            _Field(Counter(parts[place] for parts in kept), kind not in "ad")
            for place, kind in enumerate(form)
        ]
        found.append([part for one in fields for part in _divided(one)])
    told = [fields for fields in found if "emotion" in _roles(fields).values()]
    return next((one for one in told if not _is_blank(one)), (told or found)[0])


def _divided(one: _Field) -> list[_Field]:
    """Two fields where a capital and a small letter are two codes: of "Wa", "Wb", "La", "Lb"."""
    firsts, seconds = Counter[str](), Counter[str]()
    for value, count in one.values.items():
        if not re.fullmatch("[A-Z][a-z]", value):
            return [one]
        firsts[value[0]] += count
        seconds[value[1]] += count
    if len(one.values) <= max(len(firsts), len(seconds)):
        return [one]
    return [_Field(firsts, False), _Field(seconds, False)]


def _form(name: str) -> tuple[str, ...]:
    """A name with letters as "a", digits as "d", and what stands between them as it is."""
    return tuple(
        "a" if part.isalpha() and part.isascii() else "d" if part.isdigit() else part
        for part in _TOKEN.findall(name)
    )


def _roles(fields: list[_Field]) -> dict[int, str]:
    """Which place is the emotion, the gender, the speaker, the sentence and the take, by guess."""
    varied = {
        place: set(one.values)
        for place, one in enumerate(fields)
        if not one.is_separator and len(one.values) > 1
    }
    emotion = _emotion(varied)
    if emotion is None:
        return {}
    roles = {emotion: "emotion"}
    for place, values in varied.items():
        if place not in roles and values <= set(GENDERS):
            roles[place] = "gender"
            break
    rest = [place for place in varied if place not in roles]
    # a speaker is a number after a gender, or rather letters of one length than other numbers, and
    # rather one of several than one of two
    after_gender = {place + 1 for place, role in roles.items() if role == "gender"}
    rest.sort(
        key=lambda place: (
            place not in after_gender,
            not _is_code(varied[place]),
            len(varied[place]) == 2,
            place,
        )
    )
    for role in ("speaker", "sentence", "take"):
        if rest:
            roles[rest.pop(0) if role == "speaker" else rest.pop(rest.index(min(rest)))] = role
    return roles


def _emotion(varied: dict[int, set[str]]) -> int | None:
    """The place whose values mean emotions; or else, of those that may be codes, the likeliest.

    Letters are likelier than digits, and many codes than few.
    """
    known = {place: _share_known(values) for place, values in varied.items()}
    best = max(known, key=lambda place: (known[place], -place), default=None)
    if best is not None and known[best] >= _ENOUGH:
        return best
    codes = {place: values for place, values in varied.items() if len(values) <= _MOST}
    return max(
        codes,
        key=lambda place: (
            len(codes[place]) > 2,
            all(map(str.isalpha, codes[place])),
            len(codes[place]),
            -place,
        ),
        default=None,
    )


def _is_blank(fields: list[_Field]) -> bool:
    """Whether what the emotions of a form are called means nothing to a program."""
    return all(
        _share_known(set(fields[place].values)) < _ENOUGH
        for place, role in _roles(fields).items()
        if role == "emotion"
    )


def _is_code(values: set[str]) -> bool:
    return all(map(str.isalpha, values)) and {len(value) for value in values} in ({2}, {3}, {4})


def _share_known(values: set[str]) -> float:
    """How many values mean an emotion; single letters count only where all of them do."""
    meant = {value for value in values if value.lower() in _MEANS}
    if any(len(value) == 1 for value in values) and meant != values:
        return 0.0
    return len(meant) / len(values) if len(values) <= _MOST else 0.0


def _text(
    name: str,
    fields: list[_Field],
    roles: dict[int, str],
    files: int,
) -> str:
    pattern, codes = "", Counter[str]()
    clips = fields[0].values.total()
    for place, one in enumerate(fields):
        role = roles.get(place)
        if role == "emotion":
            codes = one.values
            pattern += "(?P<emotion>)"
        elif role == "gender":
            # a number after a gender is a number of women, or of men
            together = roles.get(place + 1) == "speaker"
            pattern += "(?P<speaker>(?P<gender>)" if together else "(?P<gender>)"
        elif role == "speaker" and roles.get(place - 1) == "gender":
            pattern += f"{one.pattern})"
        elif role is not None:
            pattern += f"(?P<{role}>{one.pattern})"
        elif len(one.values) == 1:
            pattern += re.escape(next(iter(one.values))).replace(r"\-", "-").replace(r"\ ", " ")
        else:
            pattern += one.pattern
    if "speaker" not in roles.values():
        pattern = f"(?P<speaker>){pattern}"
    blank = _is_blank(fields)
    labels = "".join(
        f'        "{code}": ("{BLANK if blank else _meaning(code)}", {count}),\n'
        for code, count in sorted(codes.items())
    )
    if blank:
        labels = (
            f'        # which emotion is each? "{BLANK}" is refused; if these are none, move\n'
            "        # (?P<emotion>) to the part of the pattern that tells it\n"
        ) + labels
    unlike = (
        f"\n\n{files - clips} files are named otherwise: widen the pattern, or name them in "
        "no_clips."
        if files > clips
        else ""
    )
    return (
        f'"""{name}: a draft made from the names of its files; correct all of it.{unlike}"""\n\n'
        "from ser.download.names import named_corpus\n\n"
        "CORPUS = named_corpus(\n"
        f'    name="{name}",\n'
        f'    title="{name}",\n'
        "    # ISO 639\n"
        '    language="und",\n'
        '    licence="unknown; ask its authors",\n'
        '    citation="unknown",\n'
        f'    pattern=r"{pattern}",\n'
        f"    emotions={{\n{labels}    }},\n"
        f"    clips={clips},\n"
        + ("" if "speaker" in roles.values() else '    codes={"speaker": {"": "unknown"}},\n')
        + '    unverified="all of it",\n'
        ")\n"
    )


def _meaning(code: str) -> str:
    """The emotion that a code means, or a name for one that is not shared."""
    return _MEANS.get(code.lower()) or re.sub(r"[^a-z]+", "_", code.lower()).strip("_") or BLANK
