"""The player of a cut's page plays, also when it is pressed where the film begins."""

from pathlib import Path

from PIL import Image
from playwright.sync_api import expect, sync_playwright

from browser.page import FLAGS
from tooncrafter_core.cut.results.report import Shown, report_page
from tooncrafter_core.cut.values import Drawing, Sheet

TIMES = 12
"""Pages: whether the browser's next picture is older than the click is chance."""


def test_play_runs_through_the_film_from_its_first_frame(browser_path: str, tmp_path: Path) -> None:
    Image.new("RGB", (32, 32), "red").save(tmp_path / "A_0001.png")
    key = Drawing(key="1")
    shown = {key: Shown(name="1", file=tmp_path / "A_0001.png", is_key=True, place="")}
    page_file = tmp_path / "report.html"
    page_file.write_text(
        report_page("cut", 24.0, Sheet(frames=(key,) * 48), shown, [], []), encoding="utf-8"
    )
    problems: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=list(FLAGS))
        page = browser.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        # An older picture's time, always: Chromium gives one only mostly.
        for number in range(TIMES):
            page.goto(page_file.as_uri())
            if number == 0:
                page.evaluate(
                    "() => { const next = requestAnimationFrame; window.requestAnimationFrame ="
                    " call => next(time => call(time - 20)); }"
                )
            page.locator("#play").click()
            expect(page.locator("#label")).not_to_have_text("frame 1: 1")
            page.locator("#play").click()
            assert not problems, number
        browser.close()
