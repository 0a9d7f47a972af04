"""What several test files share."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
import torch
from hypothesis import settings

from ser.core.errors import SerError
from ser.core.workers import VARIABLE, use_one_thread
from ser.corpora import find_corpus
from ser.download.source import MIRROR_VARIABLE, find_mirror
from ser.reading.data import SystemData
from tests.builders import REPOSITORY, build_voices, built_manifest, tiny_system

Refused = Callable[..., AbstractContextManager[None]]

# work is done in the test's own process: starting workers would take longer than what they do, and
# tests run beside each other; those that are about workers ask for several
os.environ.setdefault(VARIABLE, "1")
use_one_thread()
settings.register_profile("ser", deadline=None, max_examples=30)
settings.load_profile("ser")


@pytest.fixture(autouse=True)
def _as_in_a_worker() -> None:
    """One thread; denormals stay as they are, where `prepare_torch` has been in this process.

    Hypothesis refuses to draw floats where denormals are flushed to zero.
    """
    torch.set_num_threads(1)
    torch.set_flush_denormal(False)


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder of real corpora; tests that need it are skipped where there is none."""
    folder = find_mirror(REPOSITORY)
    if folder is None:
        pytest.skip("no mirror of real corpora here")
    return folder


@pytest.fixture(scope="session")
def real_corpus(
    mirror: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[Path, pd.DataFrame]]:
    """Build a real corpus from the mirror, once a session: its folder and manifest."""
    built = tmp_path_factory.mktemp("corpora")

    @cache
    def build(name: str) -> tuple[Path, pd.DataFrame]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(MIRROR_VARIABLE, str(mirror))
            return built / name, built_manifest(find_corpus(name), built / name)

    def build_or_skip(name: str) -> tuple[Path, pd.DataFrame]:
        if not (mirror / name).is_dir():
            pytest.skip(f"the mirror has no {name}")
        return build(name)

    return build_or_skip


@pytest.fixture(scope="session")
def voices(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    """Synthetic voices of three speakers, built once a session: folder and manifest. Read only."""
    folder = tmp_path_factory.mktemp("voices") / "synthetic_a"
    return folder, build_voices(folder)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> SystemData:
    """A separable system of four speakers with copies, built once a session. Read only."""
    return tiny_system(tmp_path_factory.mktemp("tiny"), with_copies=True)


@contextmanager
def case(*what: object) -> Iterator[None]:
    """A row of a table that a test goes through: if it fails, the failure says which.

    (Subtests of pytest say so, too, but to report one takes longer than most of ours.)
    """
    try:
        yield
    except BaseException as error:
        error.add_note(f"The case: {', '.join(map(str, what))}")
        raise


@pytest.fixture(scope="session")
def refused() -> Refused:
    """`with refused("a", "b"):` passes if the block ends in one sentence that holds a and b."""

    @contextmanager
    def check(*fragments: str, error: type[SerError] = SerError) -> Iterator[None]:
        with pytest.raises(SerError) as caught:
            yield
        text = str(caught.value)
        assert type(caught.value) is error, f"{type(caught.value).__name__} is raised: {text}"
        assert "\n" not in text, f"not one line: {text!r}"
        assert text.endswith("."), f"not a sentence: {text!r}"
        assert not text.endswith(".."), f"two full stops: {text!r}"
        absent = [fragment for fragment in fragments if fragment not in text]
        assert not absent, f"the sentence does not say {absent}: {text!r}"

    return check
