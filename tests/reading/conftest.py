"""Systems of few clips under every protocol, made once and not changed."""

from collections.abc import Callable
from functools import cache

import pytest

from ser.reading.data import SystemData
from tests.builders import tiny_system

OfProtocol = Callable[[str], SystemData]


@pytest.fixture(scope="package")
def of_protocol(tmp_path_factory: pytest.TempPathFactory) -> OfProtocol:
    """A system of few clips, with copies and functionals, under a protocol."""

    @cache
    def make(name: str) -> SystemData:
        speakers = 24 if name.startswith("ravdess_") else 2 if name == "two_speakers" else 4
        return tiny_system(tmp_path_factory.mktemp(name), True, name, speakers=speakers)

    return make
