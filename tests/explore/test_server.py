"""The page in a process of its own: hostile uploads and requests, many at once, Ctrl-C."""

import re
import socket
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks.storm.page import CROWD, Page, crowd, requests, try_attacks, uploads
from benchmarks.storm.tries import Tally
from ser.cli import app
from tests.explore.conftest import Folder, Served


def silent(fault: str) -> None:
    """Faults are shown when all is tried."""


def check(page: Page, tally: Tally, served: Served) -> None:
    assert not tally.faults, "\n".join(tally.faults)
    status, said = served.ask("/api/model")
    assert (status, bool(said["emotions"])) == (200, True)


def test_the_link_is_to_a_random_port_of_this_machine(served: Served, folder: Folder) -> None:
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/#[\w-]{32}", served.link)
    with pytest.raises(OSError):  # noqa: PT011  # refused, or on other systems no such address
        socket.create_connection(("127.0.0.2", served.port), 2).close()
    status, said = served.ask("/api/look", folder.voice.read_bytes())
    assert (status, len(said["said"]) >= 1) == (200, True)


def test_hostile_uploads_are_answered_or_refused_in_a_sentence(served: Served) -> None:
    page, tally = Page(served.link), Tally("page")
    attacks = list(uploads(page, np.random.default_rng(1), 16))
    try_attacks(page, attacks, tally, silent, 4)
    check(page, tally, served)
    assert tally.tried == 16
    assert tally.sentence
    assert tally.accepted


def test_hostile_requests_are_refused(served: Served) -> None:
    page, tally = Page(served.link), Tally("page")
    try_attacks(page, requests(page), tally, silent, 4)
    check(page, tally, served)


def test_many_at_once_are_served_or_refused(served: Served) -> None:
    page, tally = Page(served.link), Tally("page")
    try_attacks(page, crowd(page), tally, silent, CROWD)
    check(page, tally, served)
    assert tally.tried == CROWD
    assert tally.accepted


def test_a_port_that_is_taken_and_a_package_that_is_missing_are_said(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = CliRunner().invoke(app, ["explore", "--port", str(served.port)])
    assert "cannot be used (address already in use)" in str(taken.exception)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "ser.explore.command", raising=False)
    missing = CliRunner().invoke(app, ["explore"])
    assert "honest-ser[page" in str(missing.exception)
