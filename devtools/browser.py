"""A Chromium for the tests that click."""

import os
import shutil
import subprocess

from devtools.console import run, say
from devtools.environment import python

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def ensure_browser() -> str | None:
    """Give a Chromium for the browser tests, installing one where that is possible."""
    found = find_browser()
    if found:
        return found
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    if is_root and shutil.which("apt-get"):
        say("installing Debian's Chromium for the browser tests")
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", "chromium"]
        for command in (["apt-get", "update", "-q"], install):
            result = subprocess.run(
                command, env=quiet, stdin=subprocess.DEVNULL, capture_output=True, text=True
            )
            if result.returncode != 0:
                say(f"{' '.join(command)} failed: {result.stderr.strip()[-300:]}")
        found = find_browser()
    if not found:
        say("trying playwright's own Chromium")
        if run([python(), "-m", "playwright", "install", "chromium"]) == 0:
            code = (
                "from playwright.sync_api import sync_playwright as p\n"
                "with p() as q: print(q.chromium.executable_path)"
            )
            found = subprocess.check_output([python(), "-c", code], text=True).strip()
    if not found:
        say("no Chromium could be found or installed: the browser tests will be skipped")
    return found


def find_browser() -> str | None:
    """Look for a Chromium on the search path or where TOONCRAFTER_BROWSER points."""
    named = os.environ.get("TOONCRAFTER_BROWSER")
    return named or next((path for name in BROWSERS if (path := shutil.which(name))), None)
