"""A person answers a study in a browser, from a folder without a server, and it is reported."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Page, expect, sync_playwright

from browser.page import FLAGS, PICTURES
from tooncrafter_core.evaluation.methods.making import TRUTH, frames_folder
from tooncrafter_core.evaluation.report_html import write_reports
from tooncrafter_core.evaluation.results import MetricInfo, Results
from tooncrafter_core.evaluation.study.page import StudySettings, key_path, make_study
from tooncrafter_core.evaluation.study.report import report_study
from tooncrafter_core.pictures.write import write_video

NUM_FRAMES, WIDTH, HEIGHT = 8, 256, 160
SHADES = {TRUTH: 0.0, "grey": 0.3, "dark": -0.6, "bright": 0.9}
"""Methods that differ in one pixel, so that the test may prefer one."""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of three methods on four clips: a square that crosses a plain ground."""
    folder = tmp_path_factory.mktemp("study") / "results"
    clips = [f"clip {number}" for number in range(4)]
    metric = MetricInfo(key="psnr", title="PSNR", is_higher_better=True, decimals=2, weights="none")
    results = Results(
        kind="compare", num_frames=NUM_FRAMES, width=WIDTH, height=HEIGHT, metrics=[metric],
        methods=dict.fromkeys(SHADES, "none"), clips=dict.fromkeys(clips, ""),
    )  # fmt: skip
    for method, shade in SHADES.items():
        for number, clip in enumerate(clips):
            frames = torch.full((NUM_FRAMES, 3, HEIGHT, WIDTH), shade)
            for index in range(NUM_FRAMES):
                x = 20 + index * 24
                frames[index, number % 3, 40:120, x : x + 40] = -shade
            write_video(frames, frames_folder(folder, method, clip))
            rows = {"psnr": [60.0, *(30.0 + shade + i for i in range(NUM_FRAMES - 2)), 60.0]}
            results.frames.setdefault(method, {})[clip] = rows
    results.save(folder)
    write_reports(results, folder, num_shown=2)
    return folder


@pytest.fixture
def page(browser_path: str) -> Iterator[Page]:
    """A page of a browser that complains about every error of the page's script."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browser_path, headless=True, args=list(FLAGS)
        )
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
        PICTURES.mkdir(parents=True, exist_ok=True)
        yield page
        browser.close()
    assert not problems


def brightness(page: Page, side: str) -> int:
    """The ground's level on one side: a corner that the square never crosses."""
    page.wait_for_function("() => images.left.complete && images.right.complete")
    page.wait_for_timeout(400)
    shot = page.locator(f"#{side}").screenshot()
    return page.evaluate(
        """async bytes => {
            const blob = new Blob([new Uint8Array(bytes)], {type: 'image/png'});
            const picture = await createImageBitmap(blob);
            const canvas = new OffscreenCanvas(picture.width, picture.height);
            const context = canvas.getContext('2d');
            context.drawImage(picture, 0, 0);
            return context.getImageData(8, 8, 1, 1).data[0];
        }""",
        list(shot),
    )


def test_ten_answers_are_given_exported_and_reported(
    page: Page, results: Path, tmp_path: Path
) -> None:
    index = make_study(results, tmp_path / "study 한글", StudySettings(num_trials=10, seed=3))
    page.goto(index.as_uri())
    page.get_by_label("Your name").fill("Ada")
    page.screenshot(path=PICTURES / "study_start.png")
    page.get_by_role("button", name="Begin", exact=True).click()
    for number in range(10):
        expect(page.locator("#where")).to_have_text(f"Pair {number + 1} of 10")
        # This rater likes what is brighter.
        is_left = brightness(page, "left") > brightness(page, "right")
        if number == 4:
            page.screenshot(path=PICTURES / "study_pair.png")
            # The page may be closed and opened again, though not within the instant that Chromium
            # takes to write down what a page keeps.
            page.wait_for_timeout(500)
            page.reload()
            expect(page.locator("#where")).to_have_text("Pair 5 of 10")
        if number == 6:
            page.keyboard.press("2" if is_left else "1")  # a mistake, taken back
            page.keyboard.press("Backspace")
        for question in ("motion", "coherence", "fidelity"):
            expect(page.locator("fieldset.current")).to_have_attribute("data-question", question)
            if number % 2:
                page.keyboard.press("ArrowLeft" if is_left else "ArrowRight")
            else:
                field = page.locator(f"[data-question={question}]")
                field.get_by_role("button", name="left" if is_left else "right").click()
    expect(page.get_by_role("heading", name="Thank you!")).to_be_visible()
    page.screenshot(path=PICTURES / "study_end.png")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the answers").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    assert re.fullmatch(r"answers-[0-9a-f]{12}-Ada\.json", file.name)
    answers = json.loads(file.read_text(encoding="utf-8"))
    assert page.locator("#text").input_value().count('"trial"') == len(answers["answers"]) == 10
    assert len({answer["left"] for answer in answers["answers"]}) == 2
    report = report_study(key_path(index.parent), [file])
    assert report.num_raters == 1 and report.num_trials == 10
    assert report.share("motion", "bright")[0] == 1 and report.share("fidelity", "dark")[0] == 0
    assert 0 < report.share("coherence", "grey")[0] < 1


def test_another_person_begins_again_and_in_another_order(
    page: Page, results: Path, tmp_path: Path
) -> None:
    index = make_study(results, tmp_path / "study", StudySettings(num_trials=10))
    page.goto(index.as_uri())
    orders = []
    for _ in range(2):
        page.get_by_role("button", name="Begin", exact=True).click()
        orders.append(page.evaluate("() => session.plan.map(place => place.trial + place.left)"))
        for _ in range(30):
            page.keyboard.press("1")
        page.get_by_role("button", name="Start again").click()
    assert orders[0] != orders[1]
    assert sorted(place[:3] for place in orders[0]) == sorted(place[:3] for place in orders[1])


def test_a_missing_picture_is_reported(page: Page, results: Path, tmp_path: Path) -> None:
    index = make_study(results, tmp_path / "study", StudySettings(num_trials=1))
    page.goto(index.as_uri())
    for picture in (index.parent / "media").iterdir():
        picture.write_bytes(b"words")
    page.get_by_role("button", name="Begin", exact=True).click()
    expect(page.locator("#problem")).to_contain_text("A picture is missing")


def test_the_report_plays_and_shows_differences(page: Page, results: Path) -> None:
    page.goto((results / "report.html").as_uri())
    players = page.locator("#players canvas")
    expect(players).to_have_count(4)
    assert page.locator("#chart polyline").count() == 3
    number = page.locator("#number")
    before = number.inner_text()
    expect(number).not_to_have_text(before)
    page.locator("body").press(" ")
    page.locator("#frame").fill("5")
    expect(number).to_have_text("frame 6 of 8")
    page.get_by_label("difference to the true frames").check()
    page.screenshot(path=PICTURES / "evaluation_report.png", full_page=True)
    corner = "canvas => Array.from(canvas.getContext('2d').getImageData(8, 8, 1, 1).data)"
    shown = {c.get_attribute("data-method"): c.evaluate(corner)[0] for c in players.all()}
    # Differences of the ground, three times as strong.
    assert shown["grey"] == pytest.approx(3 * 0.3 * 127.5, abs=12)
    assert shown["dark"] == pytest.approx(3 * 0.6 * 127.5, abs=12)
    page.get_by_label("Clip").select_option("1")
    expect(players).to_have_count(4)
