"""The scenes, each in a Prometheus of its own, a site that shows the dashboards, and a browser."""

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser

import campaign_exporter
from dashboards import world
from dashboards.browser import Look, Seen, chromium, look
from dashboards.prometheus import fill, prometheus
from dashboards.site import HARNESS, ROOT, site
from dashboards.world.scenes import NOW, SCENES, Scene


class Studio:
    """Shows a dashboard in a scene; what was seen once is not looked at again."""

    def __init__(self, browser: Browser, address: str) -> None:
        self._browser, self._address = browser, address
        self._seen: dict[Look, Seen] = {}

    def show(self, dashboard: str, scene: str, *, theme: str = "dark", width: int = 1920, chosen: tuple[tuple[str, str], ...] = ()) -> Seen:
        """Look at a dashboard."""
        what = Look(dashboard, scene, SCENES[scene].start, NOW, theme, width, chosen)
        if what not in self._seen:
            self._seen[what] = look(self._browser, self._address, what)
        return self._seen[what]


def history(scene: Scene, scratch: Path) -> Path:
    """Give the folder of a scene's blocks; they are made once, as long as nothing changes that they come from."""
    sources = [*Path(world.__path__[0]).glob("*.py"), *Path(campaign_exporter.__path__[0]).glob("c*.py")]
    state = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(sources))).hexdigest()[:16]
    folder = ROOT / "build" / "dashboards" / "scenes" / state
    if not (folder / scene.name).exists():
        fill(scene.exposition(), scratch / "filling", scratch)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.move(scratch / "filling", folder / scene.name)
    return folder / scene.name


@pytest.fixture(scope="session")
def prometheuses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """Run a Prometheus for each scene; give their addresses."""
    scratch = tmp_path_factory.mktemp("scenes")
    with ExitStack() as stack:
        yield {name: stack.enter_context(prometheus(history(scene, scratch), scratch)) for name, scene in SCENES.items()}


@pytest.fixture(scope="session")
def studio(prometheuses: Mapping[str, str]) -> Iterator[Studio]:
    """Run the browser."""
    assert (HARNESS / "index.html").exists(), "the harness is not built: run `make dashboards-test`"
    with site(prometheuses) as address, chromium() as browser:
        yield Studio(browser, address)


@pytest.fixture(scope="session")
def album() -> Path:
    """Give the folder in which pictures are kept, for a person to look at."""
    return ROOT / "build" / "dashboards" / "pictures"
