"""All corpora side by side: a table for the terminal, and a page of the docs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ser.clips.labels import EMOTIONS, ordered
from ser.clips.manifest import MANIFEST, read_manifest
from ser.core.errors import SerError
from ser.core.files import whole_file
from ser.corpora import corpus_names, find_corpus
from ser.download.corpus import Corpus

PAGES = {"en": Path("docs/catalogue.md"), "es": Path("docs/catalogue.es.md")}
HEADINGS = (
    "name",
    "language",
    "hours",
    "clips",
    "speakers",
    "emotions",
    "licence",
    "on disk",
    "download",
)
_UNKNOWN = "?"
_WIDEST = 32
_TITLES = {
    "en": "# The catalogue of corpora\n\n[Español](catalogue.es.md)\n\n",
    "es": "# El catálogo de corpus\n\n[English](catalogue.md)\n\n",
}
_INTRODUCTION = {
    "en": "Made by `ser corpora page` from the files of `ser/corpora`, one for each corpus. `?` is "
    "what is not published, or was not seen; what could not be checked with the publisher stands "
    "under *unverified*. To add one, see [extending.md](extending.md#a-corpus).\n\n",
    "es": "Hecho por `ser corpora page` a partir de los archivos de `ser/corpora`, uno por corpus. "
    "`?` es lo que no está publicado o no se vio; lo que no se pudo comprobar con quien publica "
    "está bajo *sin verificar*. Para añadir uno, vea "
    "[extending.es.md](extending.es.md#un-corpus).\n\n",
}
_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "row": "| corpus | language | clips | speakers | emotions | licence | download |",
        "name": "names",
        "licence": "licence",
        "cite": "cite",
        "source": "source",
        "emotions": "emotions",
        "note": "note",
        "unverified": "unverified",
    },
    "es": {
        "row": "| corpus | idioma | clips | hablantes | emociones | licencia | descarga |",
        "name": "nombres",
        "licence": "licencia",
        "cite": "citar",
        "source": "fuente",
        "emotions": "emociones",
        "note": "nota",
        "unverified": "sin verificar",
    },
}
_HOW = {
    "en": {"direct": "direct", "by hand": "by hand", "on request": "on request", "none": "none"},
    "es": {
        "direct": "directa",
        "by hand": "a mano",
        "on request": "a petición",
        "none": "ninguna",
    },
}


def how(corpus: Corpus) -> str:
    """How a corpus is had: direct, by hand, on request, made by code; none if nobody says."""
    if corpus.generate is not None:
        return "made by code"
    if corpus.is_direct:
        return "direct"
    if any(archive.on_request for archive in corpus.archives):
        return "on request"
    return "by hand" if corpus.archives else "none"


def rows(data: Path = Path("data/corpora")) -> list[tuple[str, ...]]:
    """The table of all corpora, headings first; a file that says nothing yet has a row, too."""
    table: list[tuple[str, ...]] = [HEADINGS]
    for name in corpus_names():
        try:
            table.append(_row(find_corpus(name), data))
        except SerError as reason:  # a draft with blanks hides no other corpus
            table.append((name, *[_UNKNOWN] * (len(HEADINGS) - 2), str(reason)))
    return table


def _row(corpus: Corpus, data: Path) -> tuple[str, ...]:
    hours, built = corpus.hours, data / corpus.name / MANIFEST
    if built.is_file():
        hours = float(read_manifest(built)["duration_s"].sum()) / 3600
    licence = corpus.licence
    return (
        corpus.name,
        corpus.language,
        _UNKNOWN if hours is None else f"{hours:.2f}",
        str(corpus.expected.n_clips or _UNKNOWN),
        str(corpus.speakers or _UNKNOWN),
        str(len(corpus.expected.emotions)),
        licence if len(licence) <= _WIDEST else f"{licence[: _WIDEST - 3].rstrip()}...",
        "yes" if built.is_file() else "no",
        how(corpus),
    )


def page(language: str) -> str:
    """The page of the docs that describes every corpus, in "en" or "es"."""
    words, real = _WORDS[language], list(map(find_corpus, corpus_names()))
    real = [corpus for corpus in real if corpus.generate is None]
    lines = [words["row"], "|---|---|---:|---:|---:|---|---|"]
    lines += [_page_row(corpus, language) for corpus in real]
    parts = [_described(corpus, language) for corpus in real]
    return (
        _TITLES[language] + _INTRODUCTION[language] + "\n".join(lines) + "\n\n" + "\n".join(parts)
    )


def _page_row(corpus: Corpus, language: str) -> str:
    cells: Sequence[object] = (
        f"[{corpus.title}](#{corpus.name})",
        corpus.language,
        corpus.expected.n_clips or _UNKNOWN,
        corpus.speakers or _UNKNOWN,
        len(corpus.expected.emotions),
        corpus.licence.replace("|", "/"),
        _HOW[language][how(corpus)],
    )
    return f"| {' | '.join(map(str, cells))} |"


def _described(corpus: Corpus, language: str) -> str:
    words = _WORDS[language]
    shared = corpus.expected.emotions
    counts = ", ".join(
        f"`{name}`{'' if name in EMOTIONS else '*'} {shared[name] or _UNKNOWN}"
        for name in ordered(shared)
    )
    links = ", ".join(f"<{archive.url}>" for archive in corpus.archives) or _UNKNOWN
    terms = f" ({corpus.terms})" if corpus.terms else ""
    said = {
        "emotions": counts,
        "name": f"`{corpus.scheme}`",
        "licence": corpus.licence + terms,
        "cite": corpus.citation,
        "source": links,
        "note": corpus.note,
        "unverified": corpus.unverified,
    }
    lines = [f"- {words[key]}: {text}" for key, text in said.items() if text]
    return f"## {corpus.name}\n\n" + "\n".join(lines) + "\n"


def write_pages() -> None:
    """Write the pages of all languages."""
    for language, path in PAGES.items():
        with whole_file(path) as aside:
            aside.write_text(page(language), encoding="utf-8")
