"""Drives ComfyUI's page as a person would: drop a workflow, press Run, look at the result."""

import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, sync_playwright

VARIABLE = "TOONCRAFTER_BROWSER"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
PICTURES = Path(__file__).resolve().parents[2] / "out" / "browser"
# The page asks for a style sheet that only exists when the user made one, and, on a
# machine without a network, for pages of the outside world.
HARMLESS = re.compile(r"user\.css|ERR_INTERNET_DISCONNECTED|ERR_NAME_NOT_RESOLVED|favicon")

READY = """() => window.app?.graph && window.LiteGraph
    && Object.keys(window.LiteGraph.registered_node_types).length > 50"""
# A banner that advertises another way of drawing nodes; whoever closed it sees it no more.
CLOSE_BANNER = "localStorage.setItem('vueNodesBannerDismissed', 'true')"
MAKE_FILE = """([text, name]) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([text], name, {type: 'application/json'}));
    return transfer;
}"""
RECORD = """() => {
    window.seen = [];
    if (window.isRecording) return;
    window.isRecording = true;
    const kinds = ['execution_start', 'execution_cached', 'executing', 'progress', 'executed',
        'execution_success', 'execution_error', 'execution_interrupted'];
    for (const kind of kinds)
        app.api.addEventListener(kind, event => window.seen.push({kind, detail: event.detail}));
    app.api.addEventListener('b_preview', event =>
        window.seen.push({kind: 'preview', detail: {bytes: event.detail?.size ?? 0}}));
}"""
# With Nodes 2.0 a node is an element of the page and its pictures are in it.
COUNT_PICTURES = """node => {
    const element = document.querySelector(`[data-node-id="${node.id}"]`);
    if (!element) return node.imgs?.length ?? 0;
    const shown = [...element.querySelectorAll('img')].filter(image => image.naturalWidth > 0);
    // Some pages show one of many, and a button for each.
    const buttons = element.querySelectorAll('[aria-label^="View image"]');
    return shown.length && Math.max(shown.length, buttons.length);
}"""
COVERED = """() => {
    const boxes = [...document.querySelectorAll('[data-node-id]')].map(element =>
        [app.graph.getNodeById(element.dataset.nodeId).title, element.getBoundingClientRect()]);
    return boxes.flatMap(([name, a], i) => boxes.slice(i + 1)
        .filter(([, b]) => a.left < b.right - 1 && b.left < a.right - 1
            && a.top < b.bottom - 1 && b.top < a.bottom - 1)
        .map(([other]) => `${name} and ${other}`));
}"""
ENDED = """() => window.seen.some(event => ['execution_success', 'execution_error',
    'execution_interrupted'].includes(event.kind))"""


def find_browser() -> str | None:
    """Find a Chromium: the one that TOONCRAFTER_BROWSER names, or one on the search path."""
    named = os.environ.get(VARIABLE)
    if named:
        return named
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


@dataclass
class PageRun:
    """The messages that the page got while a workflow ran."""

    events: list[dict[str, Any]] = field(default_factory=list)
    """In order: kind and detail."""

    def of_kind(self, kind: str) -> list[Any]:
        """Give the details of all events of one kind."""
        return [event["detail"] for event in self.events if event["kind"] == kind]

    @property
    def has_succeeded(self) -> bool:
        """Whether the last prompt came to its end."""
        return bool(self.of_kind("execution_success"))

    @property
    def error(self) -> dict[str, Any] | None:
        """Give the error that the page shows: node, type, message."""
        return next(iter(self.of_kind("execution_error")), None)


class ComfyPage:
    """ComfyUI's page, open in a browser without a window."""

    def __init__(
        self,
        url: str,
        executable: str,
        pictures: Path = PICTURES,
        size: tuple[int, int] = (1600, 950),
    ) -> None:
        self.url = url
        self.executable = executable
        self.pictures = pictures
        self.size = size
        self.problems: list[str] = []
        """What the page complained about, without the complaints that everyone gets."""
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self._page: Page | None = None

    @property
    def page(self) -> Page:
        """The page itself, for what this class has no word for."""
        assert self._page is not None, "open the page first"
        return self._page

    def __enter__(self) -> "ComfyPage":
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def open(self, timeout: float = 120.0) -> None:
        """Start the browser, load the page and wait until it knows the nodes."""
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(
            executable_path=self.executable, headless=True, args=list(FLAGS)
        )
        width, height = self.size
        self._page = self._browser.new_page(viewport={"width": width, "height": height})
        self._page.add_init_script(CLOSE_BANNER)
        self._page.on("pageerror", lambda error: self._note_problem(str(error)))
        self._page.on("console", self._note_console)
        self._page.goto(self.url, wait_until="domcontentloaded")
        self._page.wait_for_function(READY, timeout=timeout * 1000)
        self.settle(2.0)

    def close(self) -> None:
        """End the browser."""
        if self._browser is not None:
            self._browser.close()
        if self._playwright is not None:
            self._playwright.stop()
        self._browser = self._page = self._playwright = None

    def settle(self, seconds: float) -> None:
        """Let the page draw the messages that it got."""
        self.page.wait_for_timeout(seconds * 1000)

    def screenshot(self, name: str) -> Path:
        """Save what is on the screen as out/browser/NAME.png."""
        self.pictures.mkdir(parents=True, exist_ok=True)
        path = self.pictures / f"{name}.png"
        self.page.screenshot(path=str(path))
        return path

    def _note_console(self, message: ConsoleMessage) -> None:
        """Keep an error of the console; what is missing stands in the message's address."""
        if message.type == "error":
            self._note_problem(f"{message.text} ({message.location.get('url', '')})")

    def _note_problem(self, text: str) -> None:
        """Keep a complaint unless everyone gets it."""
        if not HARMLESS.search(text):
            self.problems.append(text)

    def node_types(self) -> list[str]:
        """Give every node type that the page offers."""
        return self.page.evaluate("() => Object.keys(LiteGraph.registered_node_types)")

    def drop_workflow(self, path: Path) -> int:
        """Drop a workflow file onto the canvas; returns the number of nodes it brought."""
        # The canvas may still hold the default workflow, so count from nothing.
        self.page.evaluate("() => app.graph.clear()")
        transfer = self.page.evaluate_handle(
            MAKE_FILE, [path.read_text(encoding="utf-8"), path.name]
        )
        for event in ("dragover", "drop"):
            self.page.dispatch_event("#graph-canvas", event, {"dataTransfer": transfer})
        self.page.wait_for_function("() => app.graph.nodes.length > 0", timeout=20_000)
        self.settle(1.0)
        return self.page.evaluate("() => app.graph.nodes.length")

    def press_run(self) -> None:
        """Press the Run button."""
        button = self.page.locator('[data-testid="queue-button"]').first
        # The mark sits on the button in some versions, on a box around it in others.
        if button.evaluate("element => element.tagName") != "BUTTON":
            button = button.locator("button").first
        button.click()

    def run(self, timeout: float = 120.0) -> PageRun:
        """Press Run, wait for the end, and give the events in between."""
        self.page.evaluate(RECORD)
        self.press_run()
        self.page.wait_for_function(ENDED, timeout=timeout * 1000)
        self.settle(1.0)
        return PageRun(self.page.evaluate("() => window.seen"))

    def has_nodes_2(self) -> bool:
        """Whether the nodes on the canvas are elements of the page (Nodes 2.0)."""
        return self.page.locator("[data-node-id]").count() > 0

    def covered_nodes(self) -> list[str]:
        """Give the nodes that cover each other with Nodes 2.0, which makes them higher."""
        return self.page.evaluate(COVERED)

    def picture_counts(self) -> dict[str, int]:
        """Give how many pictures each node on the canvas shows, by node type."""
        return self.page.evaluate(
            f"() => Object.fromEntries(app.graph.nodes.map(n => [n.type, ({COUNT_PICTURES})(n)]))"
        )
