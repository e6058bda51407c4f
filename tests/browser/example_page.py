"""Example workflows in ComfyUI's page as tests use them: dropped, set to run in seconds, read."""

from itertools import count

from browser.page import COUNT_PICTURES, ComfyPage, PageRun
from comfyui.examples import EXAMPLES, small_values
from comfyui.host import Host

# Newer pages show in a side panel what older ones show in a dialog.
DIALOGS = """() => [...document.querySelectorAll(
    '.p-dialog, [role=dialog], [data-testid=error-overlay]')].map(element => element.innerText)"""
CLOSE_BUTTONS = '.p-dialog .p-dialog-close-button, [data-testid="error-overlay-dismiss"]'
TEXT_AROUND_NODES = """() => {
    const copy = document.body.cloneNode(true);
    copy.querySelectorAll('[data-testid=transform-pane]').forEach(element => element.remove());
    return copy.textContent;
}"""
SET_WIDGET = """([type, name, value]) => {
    for (const node of app.graph.nodes.filter(node => node.type === type)) {
        const widget = node.widgets.find(widget => widget.name === name);
        widget.value = value;
        widget.callback?.(value);
    }
}"""
SHOWS_PICTURES = f"""([type, title, counts]) => JSON.stringify(counts) === JSON.stringify(
    app.graph.nodes.filter(node => node.type === type && (!title || node.title === title))
    .map({COUNT_PICTURES}))"""
# Through JSON, as it is sent: undefined values are left out there.
PROMPT = "async () => JSON.parse(JSON.stringify((await app.graphToPrompt()).output))"
SEEDS = count(9000)


def drop_small(page: ComfyPage, name: str) -> None:
    """Drop an example and set what makes it run in seconds."""
    page.drop_workflow(EXAMPLES / f"{name}.json")
    set_small(page)


def set_small(page: ComfyPage) -> None:
    """Set what makes the workflow on the canvas run in seconds."""
    for kind in page.page.evaluate("() => app.graph.nodes.map(node => node.type)"):
        for widget, value in small_values(kind).items():
            page.page.evaluate(SET_WIDGET, [kind, widget, value])
    # A seed of its own: what the server has from another test it would not compute again.
    page.page.evaluate(SET_WIDGET, ["ToonCrafterKeyframes", "seed", next(SEEDS)])


def says(page: ComfyPage, word: str) -> bool:
    """Whether the page shows it: at once, or behind the button of a message."""
    if any(word in text for text in page.page.evaluate(DIALOGS)):
        return True
    more = page.page.locator('[data-testid="error-overlay"] button', has_text="See Errors")
    if not more.count():
        return False
    more.first.click()
    page.settle(1.0)
    return word in page.page.evaluate(TEXT_AROUND_NODES)


def close_dialog(page: ComfyPage) -> None:
    """Close the messages that the page has opened."""
    button = page.page.locator(CLOSE_BUTTONS)
    while button.count():
        button.first.click()
        page.settle(0.5)


def wait_for_pictures(
    page: ComfyPage, kind: str, counts: list[int], title: str | None = None
) -> None:
    """Wait until the nodes of a kind show so many pictures: the page fetches them after a run."""
    page.page.wait_for_function(SHOWS_PICTURES, arg=[kind, title, counts], timeout=30_000)


def check_video(run: PageRun, host: Host) -> None:
    """Hold that the run has saved one video and the page got the message."""
    reported = [event["output"].get("images", []) for event in run.of_kind("executed")]
    videos = [one for images in reported for one in images if one["filename"].endswith(".mp4")]
    [video] = videos
    path = host.base / video["type"] / video["subfolder"] / video["filename"]
    assert path.stat().st_size > 1000
