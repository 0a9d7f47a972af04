"""What several test files share."""

import copy
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from ser.corpora import find_corpus
from ser.corpora.build import build_corpus
from ser.corpora.source import MIRROR_VARIABLE, find_mirror
from ser.errors import SerError

REPOSITORY = Path(__file__).parents[1]


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
            return built / name, build_corpus(find_corpus(name), built / name, processes=1)

    def build_or_skip(name: str) -> tuple[Path, pd.DataFrame]:
        if not (mirror / name).is_dir():
            pytest.skip(f"the mirror has no {name}")
        return build(name)

    return build_or_skip


@pytest.fixture(scope="session")
def _params_file() -> dict[str, Any]:
    values = yaml.safe_load((REPOSITORY / "params.yaml").read_text(encoding="utf-8"))
    assert isinstance(values, dict), "params.yaml holds no table"
    return values


@pytest.fixture
def valid_params(_params_file: dict[str, Any]) -> dict[str, Any]:
    """The values of params.yaml, as a copy that a test may change."""
    return copy.deepcopy(_params_file)


@pytest.fixture
def refused() -> Callable[..., AbstractContextManager[None]]:
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
