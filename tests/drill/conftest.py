import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def say(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Tell of progress while it happens: a drill takes minutes."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")

    def speak(line: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"  {line}", flush=True)  # noqa: T201 - whoever waits wants to see something

    return speak


@pytest.fixture(scope="session")
def ground() -> Iterator[Path]:
    """A folder that the simulated databases' user can enter."""
    with tempfile.TemporaryDirectory(prefix="drill-", ignore_cleanup_errors=True) as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)
