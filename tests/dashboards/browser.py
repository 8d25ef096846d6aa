"""A headless Chromium that looks at a dashboard as a person would."""

import urllib.parse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
_FLAGS += ["--disable-component-update", "--disable-sync", "--force-color-profile=srgb"]
_SETTLED = "() => window.harness?.settled()"


@dataclass(frozen=True, slots=True)
class Look:
    """Which dashboard is looked at, and how."""

    dashboard: str
    scene: str
    start: int
    end: int
    theme: str = "dark"
    width: int = 1920
    height: int | None = None
    chosen: Sequence[tuple[str, str]] = ()
    scrape: int = 120

    def address(self, site: str) -> str:
        """Give the address of its page."""
        query = {
            "dashboard": self.dashboard,
            "prometheus": f"/prometheus/{self.scene}",
            "theme": self.theme,
            "from": str(self.start),
            "to": str(self.end),
            "scrape": str(self.scrape),
        }
        pairs = [*query.items(), *((f"var-{name}", value) for name, value in self.chosen)]
        return f"{site}/?{urllib.parse.urlencode(pairs)}"


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen: each panel by its title, the complaints of the page, what was asked of Prometheus, and a picture."""

    panels: dict[str, dict[str, Any]]
    complaints: list[str]
    asked: list[str]
    width: int
    picture: bytes = field(repr=False)

    def save(self, file: Path) -> None:
        """Keep the picture."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(self.picture)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run Debian's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def look(browser: Browser, site: str, what: Look) -> Seen:
    """Look at a dashboard until all of it is there."""
    complaints: list[str] = []
    page = browser.new_page(viewport={"width": what.width, "height": 1080}, reduced_motion="reduce")
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        page.goto(what.address(site))
        page.wait_for_function(_SETTLED, timeout=90_000, polling=200)
        # As high as the dashboard is: a picture of more than the window would draw it anew, and catch it half done.
        height = what.height or page.evaluate("() => document.documentElement.scrollHeight")
        page.set_viewport_size({"width": what.width, "height": height})
        _draw(page)
        panels = page.evaluate("() => window.harness.report()")
        asked = page.evaluate("() => window.harness.asked")
        width = page.evaluate("() => document.documentElement.scrollWidth")
        return Seen({panel["title"]: panel for panel in panels}, complaints, asked, width, page.screenshot())
    finally:
        page.close()


def _draw(page: Page) -> None:
    """Wait until nothing is drawn any more: two reports are the same."""
    before = None
    for _ in range(40):
        page.wait_for_timeout(250)
        now = page.evaluate("() => window.harness.fingerprint()")
        if now == before:
            return
        before = now
