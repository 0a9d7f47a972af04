"""Who is refused: other sites, other names of this machine, whoever has no link."""

import re
from pathlib import Path

import pytest
from fastapi import WebSocketDisconnect
from fastapi.testclient import TestClient

import ser.explore.app
from ser.explore.words import LANGUAGES, words
from tests.conftest import case
from tests.explore.conftest import HOME, PORT

STATIC = Path(ser.explore.app.__file__).with_name("static")
OWN = sorted(path for path in STATIC.iterdir() if not path.name.startswith("wavesurfer"))
EVIL = "http://evil.example"


def test_other_names_of_this_machine_are_refused(client: TestClient) -> None:
    """DNS rebinding: a site lets its own name point to 127.0.0.1."""
    for host in ("evil.example", f"evil.example:{PORT}", "127.0.0.1", f"127.0.0.1:{PORT + 1}", ""):
        for path in ("/", "/words", "/static/main.js", "/api/model"):
            with case(host, path):
                answer = client.get(path, headers={"host": host})
                assert (answer.status_code, answer.json()["code"]) == (421, "host")
    for host in ("127.0.0.1", "localhost"):
        home = {"host": f"{host}:{PORT}", "origin": f"http://{host}:{PORT}"}
        assert client.get("/api/model", headers=home).status_code == 200


def test_other_sites_are_refused(client: TestClient) -> None:
    for origin in (EVIL, "null", f"https://127.0.0.1:{PORT}", f"http://localhost:{PORT}", ""):
        for method, path in (("POST", "/api/look"), ("POST", "/api/training"), ("GET", "/")):
            with case(origin, method, path):
                answer = client.request(method, path, headers={"origin": origin})
                assert (answer.status_code, answer.json()["code"]) == (403, "origin")
    del client.headers["origin"]
    assert client.post("/api/look").status_code == 403, "a browser names its origin"
    assert client.get("/api/model").status_code == 200, "and does not where it only gets"


def test_nothing_is_answered_without_the_token(client: TestClient) -> None:
    for token in ("", "wrong", "the-token-of-the-test", "ñ".encode()):
        for path in ("/api/model", "/api/sound?clip=a", "/api/nothing"):
            with case(token, path):
                answer = client.get(path, headers={"x-ser-token": token})
                assert (answer.status_code, answer.json()["code"]) == (401, "token")
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert client.get(path).status_code == 404


def test_files_of_the_disk_are_not_to_be_had(client: TestClient) -> None:
    up = ("../app.py", "..%2fapp.py", "%2e%2e/app.py", "..%5capp.py", "/etc/passwd", "main.js%00")
    for name in up:
        with case(name):
            assert client.get(f"/static/{name}").status_code == 404
    clips = ("../../voice", "emodb/../../../../voice", "/etc/passwd", "emodb/", "", "emodb/wav/\0")
    for clip in clips:
        for path in ("/api/sound", "/api/clip"):
            with case(path, clip):
                answer = client.get(path, params={"clip": clip})
                assert (answer.status_code, answer.json()["code"]) == (404, "no_clip")
    for system in ("../../etc", "emodb/../emodb", ""):
        assert client.get("/api/answers", params={"system": system}).status_code == 422
    sides = {"a": "emodb", "b": "emodb"}
    for revision in ("--output=x", "-h", "a b", "a:b", "$(id)", "a" * 200, "\n", "no-such-thing"):
        with case(revision):
            answer = client.get("/api/compare", params={**sides, "at_a": revision})
            assert answer.status_code == 422
            assert "revision" in answer.json()["sentence"].lower()


def test_the_page_may_load_nothing_from_elsewhere(client: TestClient) -> None:
    first, second = client.get("/"), client.get("/")
    policies = [answer.headers["content-security-policy"] for answer in (first, second)]
    assert policies[0] != policies[1], "a nonce is for once"
    rules = dict(rule.split(" ", 1) for rule in policies[0].split("; "))
    assert rules["default-src"] == rules["frame-ancestors"] == "'none'"
    assert rules["script-src"] == rules["connect-src"] == "'self'"
    (nonce,) = re.findall(r"'nonce-([\w-]+)'", rules["style-src"])
    assert f'nonce="{nonce}"' in first.text
    assert "unsafe" not in policies[0]
    for answer in (first, client.get("/api/model"), client.get("/", headers={"host": "evil"})):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"


def test_the_page_itself_names_nothing_elsewhere() -> None:
    for path in OWN:
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        with case(path.name):
            assert not re.findall(r"https?://|//[\w.]+\.\w+/|@import|url\(", text)
            assert not re.findall(
                r"\beval\(|new Function|innerHTML|\bon\w+=\"|<style|style=\"", text
            )
    html = (STATIC / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<script[^>]*>(.*?)</script>", html) == [""]
    assert (STATIC / "wavesurfer.LICENSE").read_text(encoding="utf-8").startswith("BSD 3-Clause")


def test_every_word_is_there_in_both_languages_and_is_used() -> None:
    known = {language: words()[language] for language in LANGUAGES}
    assert all(text for table in known.values() for text in table.values())
    for key, text in known["en"].items():
        with case(key):
            names = [re.findall(r"\{(\w+)\}", one) for one in (text, known["es"][key])]
            assert sorted(names[0]) == sorted(names[1])
    texts = {path.name: path.read_text(encoding="utf-8") for path in OWN}
    asked = set(re.findall(r'data-(?:say|label|holder)="([^"]+)"', texts["index.html"]))
    scripts = "".join(text for name, text in texts.items() if name.endswith(".js"))
    asked |= set(re.findall(r'say\("([^"]+)"', scripts))
    assert asked <= set(known["en"]), asked - set(known["en"])
    # the others are put together: emotions, warnings, genders, refusals
    from ser.clips.labels import EMOTIONS
    from ser.explore import refusals
    from ser.predict.answers import WARNINGS

    codes = [one.code for one in vars(refusals).values() if isinstance(one, refusals.Refusal)]
    made = {*EMOTIONS, *WARNINGS, *(f"about {name}" for name in WARNINGS), "male", "female"}
    made |= {f"refused.{code}" for code in (*codes, "unreadable")}
    assert made <= set(known["en"]), made - set(known["en"])
    for key in set(known["en"]) - asked - made:
        assert f'"{key}"' in scripts or key.partition(".")[0] in ("refused", "flips"), key


def test_the_link_is_to_this_machine_alone(client: TestClient) -> None:
    with pytest.raises(WebSocketDisconnect) as caught, client.websocket_connect("/api/look"):
        pass
    assert caught.value.code == 1008
    assert HOME.startswith("http://127.0.0.1:")
