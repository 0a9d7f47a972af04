"""The page in headless Chromium: as somebody uses it who sees, who types, who speaks Spanish."""

import re
import shutil
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.explore.conftest import CORPUS, Folder, Served

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
WIDTHS = (1280, 400)
# errors and warnings of the page, and requests to elsewhere, in the test at hand
COMPLAINTS: list[str] = []
expect.set_options(timeout=60_000)


@pytest.fixture(scope="module")
def browser(folder: Folder) -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.skip("no Chromium here (on Debian: apt install chromium)")
    arguments = [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={folder.voice}",
    ]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def _without_a_complaint() -> Iterator[None]:
    COMPLAINTS.clear()
    yield
    assert not COMPLAINTS


@pytest.fixture(scope="module")
def opened(browser: Browser, served: Served) -> Iterator[Page]:
    """The page, in English and light."""
    page = new_page(browser, served)
    yield page
    page.context.close()


def new_page(browser: Browser, served: Served, link: str = "", **options: Any) -> Page:
    given = {"locale": "en-GB", "reduced_motion": "reduce", "permissions": ["microphone"]}
    page = browser.new_context(**{**given, **options}).new_page()
    page.set_default_timeout(60_000)
    page.on("pageerror", lambda error: COMPLAINTS.append(str(error)))
    page.on("console", _complain)
    page.on("request", lambda request: _stay_here(request, served))
    page.goto(link or served.link)
    page.wait_for_selector("html[data-ready]")
    return page


def _complain(said: ConsoleMessage) -> None:
    refused_on_purpose = "status of 4" in said.text
    if said.type in ("error", "warning") and not refused_on_purpose:
        COMPLAINTS.append(said.text)


def _stay_here(request: Request, served: Served) -> None:
    own = f"http://127.0.0.1:{served.port}/"
    if not request.url.startswith((own, "blob:", "data:")):
        COMPLAINTS.append(f"it asks for {request.url}")


def check_width(page: Page) -> None:
    """Nothing is wider than the window."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{wide} pixels at {width}"


def check_fit(page: Page, scheme: Literal["dark", "light"]) -> None:
    """The same, and axe-core finds no serious or critical fault in the narrow window."""
    check_width(page)
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    before = list(COMPLAINTS)
    violations = Axe().run(page).response["violations"]
    COMPLAINTS[:] = before  # axe-core itself tries styles that the page forbids
    faults = [
        f"{one['id']}: {one['nodes'][0]['html'][:200]} {one['nodes'][0]['failureSummary']}"
        for one in violations
        if one["impact"] in ("serious", "critical")
    ]
    assert not faults, "\n".join(faults)
    page.set_viewport_size({"width": WIDTHS[0], "height": 900})


def test_a_file_is_answered(opened: Page, folder: Folder) -> None:
    opened.set_input_files("#file", folder.voice)
    expect(opened.locator("#emotion")).not_to_be_empty()
    expect(opened.locator("#bars tr")).to_have_count(9)
    expect(opened.locator("#bars tr.best")).to_have_count(1)
    expect(opened.locator("#ridges .some")).to_have_count(9)
    lit = "() => {const c = document.querySelector('#mel'); return new Set(c.getContext('2d')"
    assert opened.evaluate(f"{lit}.getImageData(0, 0, c.width, c.height).data).size}}") > 50
    expect(opened.locator("#wave canvas, #wave > div")).not_to_have_count(0)
    for name in ("mel", "ridges", "wave"):
        assert len(opened.locator(f"#{name}").get_attribute("aria-label") or "") > 12
    check_fit(opened, "light")


def test_it_can_be_played_and_sought_by_the_keyboard(opened: Page) -> None:
    opened.focus("#position")
    before = opened.text_content("#moment")
    opened.keyboard.press("End")
    expect(opened.locator("#moment")).not_to_have_text(str(before))
    opened.keyboard.press("Home")
    opened.focus("#play")
    opened.keyboard.press("Enter")
    expect(opened.locator("#play")).to_have_text("❚❚ Pause")
    opened.keyboard.press("Enter")
    expect(opened.locator("#play")).to_have_text("▶ Play")


def test_the_nearest_training_clips_are_read_when_they_are_asked_for(
    opened: Page, folder: Folder
) -> None:
    opened.click("#training button")
    expect(opened.locator("#neighbours li")).to_have_count(6)
    button = opened.locator("#neighbours button").first
    assert str(button.get_attribute("data-clip")) in folder.clips
    button.click()
    expect(button).to_have_text("❚❚")
    check_fit(opened, "dark")


def test_what_the_server_cannot_read_is_said(opened: Page) -> None:
    sent = {"name": "song.wav", "mimeType": "audio/wav", "buffer": b"no sound"}
    opened.set_input_files("#file", [sent])
    expect(opened.locator("#alarm")).to_contain_text("not readable as audio")


def test_a_recording_is_answered(opened: Page) -> None:
    opened.click("#record")
    expect(opened.locator("#clock")).to_have_text(re.compile(r"^(1\.[5-9]|[2-9]\.|\d\d\.)"))
    opened.click("#record")
    expect(opened.locator("#alarm")).to_be_hidden()
    expect(opened.locator("#busy")).to_be_empty()
    assert float(opened.get_attribute("#position", "max") or 0) >= 1.4
    expect(opened.locator("#emotion")).not_to_be_empty()


def test_mistakes_are_browsed_and_heard(opened: Page) -> None:
    opened.focus("#tab-voice")
    opened.keyboard.press("ArrowRight")
    expect(opened.locator("#mistakes")).to_be_visible()
    opened.select_option("#of-system", CORPUS)
    expect(opened.locator("#of-what")).to_contain_text("leave_one_speaker_out")
    everything = int(opened.text_content("#found").split()[-1])  # type: ignore[union-attr]
    cell = opened.locator(".matrix button[aria-label]").filter(has_not_text="·").first
    count = int(cell.text_content() or 0)
    cell.focus()
    opened.keyboard.press("Enter")
    expect(opened.locator("#found")).to_have_text(f"Mistakes: {count}")
    expect(opened.locator("#list > li")).to_have_count(min(count, 40))
    check_fit(opened, "dark")
    opened.click("#clear")
    expect(opened.locator("#found")).to_have_text(f"Mistakes: {everything}")
    opened.locator("#least").fill("90")
    expect(opened.locator("#list .figure").first).to_contain_text("9")
    assert int(opened.text_content("#found").split()[-1]) < everything  # type: ignore[union-attr]


def test_two_systems_are_compared(opened: Page) -> None:
    opened.keyboard.press("Escape")
    opened.click("#tab-compare")
    opened.select_option("#a", "ravdess")
    opened.select_option("#b", "ravdess_male")
    opened.click("#sides button[type=submit]")
    expect(opened.locator("#verdict")).not_to_be_empty()
    expect(opened.locator("#in-words")).to_contain_text("95 % interval")
    expect(opened.locator("#caveats")).to_contain_text("Only the 720 clips")
    opened.click("#which-flips button:last-child")
    expect(opened.locator("#flips > li")).to_have_count(30)
    check_fit(opened, "light")
    opened.fill("#at-a", "no-such-revision")
    opened.click("#sides button[type=submit]")
    expect(opened.locator("#alarm")).not_to_be_empty()
    opened.fill("#at-a", "")


def test_it_speaks_spanish(opened: Page) -> None:
    opened.click("#language")
    expect(opened.locator("html")).to_have_attribute("lang", "es")
    expect(opened.locator("#tab-mistakes")).to_have_text("Errores")
    opened.click("#tab-voice")
    expect(opened.locator("#bars th").nth(2)).to_have_text("alegría")
    check_width(opened)
    opened.click("#language")
    expect(opened.locator("#tab-mistakes")).to_have_text("Mistakes")


def test_a_spanish_browser_in_the_dark_without_the_link(browser: Browser, served: Served) -> None:
    link = served.link.partition("#")[0]
    page = new_page(browser, served, link, locale="es-ES", color_scheme="dark")
    expect(page.locator("#alarm")).to_contain_text("El enlace no está completo")
    check_width(page)
    page.context.close()
