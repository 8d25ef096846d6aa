"""The scenes, each in a Prometheus of its own, a site that shows the dashboards, and a browser that looks at them."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from playwright.sync_api import Browser

import campaign_exporter
from dashboards import world
from dashboards.browser import Look, Seen, chromium, look
from dashboards.prometheus import fill, prometheus
from dashboards.site import HARNESS, ROOT, site
from dashboards.world.scenes import NOW, SCENES, Scene

BUILD = ROOT / "build" / "dashboards"


class Studio:
    """Shows a dashboard in a scene; what was seen once is not looked at again."""

    def __init__(self, browser: Browser, address: str) -> None:
        self._browser, self._address = browser, address
        self._seen: dict[Look, Seen] = {}

    def show(
        self,
        dashboard: str,
        scene: str,
        *,
        theme: str = "dark",
        width: int = 1920,
        height: int | None = None,
        chosen: tuple[tuple[str, str], ...] = (),
    ) -> Seen:
        """Look at a dashboard, all of it unless a height is given."""
        end = NOW - SCENES[scene].step  # the last sample
        what = Look(dashboard, scene, SCENES[scene].start, end, theme, width, height, chosen, SCENES[scene].step)
        if what not in self._seen:
            self._seen[what] = look(self._browser, self._address, what)
        return self._seen[what]


@contextmanager
def studio(*scenes: str) -> Iterator[Studio]:
    """Set up all of it for some scenes."""
    if not (HARNESS / "index.html").exists():
        raise FileNotFoundError("the harness is not built: run `make dashboards-test`")
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        addresses = {name: stack.enter_context(prometheus(_history(SCENES[name], scratch), scratch)) for name in scenes}
        address = stack.enter_context(site(addresses))
        yield Studio(stack.enter_context(chromium()), address)


def _history(scene: Scene, scratch: Path) -> Path:
    """Give the folder of a scene's blocks; they are made once, as long as nothing changes that they come from."""
    sources = [*Path(world.__path__[0]).glob("*.py"), *Path(campaign_exporter.__path__[0]).glob("c*.py")]
    state = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(sources))).hexdigest()[:16]
    folder = BUILD / "scenes" / state
    if not (folder / scene.name).exists():
        fill(scene.exposition(), scratch / "filling", scratch)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.move(scratch / "filling", folder / scene.name)
    return folder / scene.name
