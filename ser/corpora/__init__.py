"""The corpora, one file each. To add one, write its file: it is known by the file's name."""

from importlib import import_module
from pkgutil import iter_modules

from ser.core.errors import SerError
from ser.download.corpus import Corpus

# files of this folder that are not corpora
_SHARED: tuple[str, ...] = ()


def corpus_names() -> list[str]:
    """Names of all known corpora, sorted."""
    return sorted(module.name for module in iter_modules(__path__) if module.name not in _SHARED)


def find_corpus(name: str) -> Corpus:
    """The corpus called `name`; only its own file is imported.

    Raises:
        SerError: if there is none.
    """
    if name not in corpus_names():
        raise SerError(
            f"params.yaml: corpora: unknown corpus {name!r}; known are {', '.join(corpus_names())}."
        )
    corpus: Corpus = import_module(f"ser.corpora.{name}").CORPUS
    return corpus
