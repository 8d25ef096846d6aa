"""One studio for all tests, and the folder where pictures are kept."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboards.studio import BUILD, Studio, studio
from dashboards.world.scenes import SCENES


@pytest.fixture(scope="session")
def stage() -> Iterator[Studio]:
    """Show any dashboard in any scene."""
    with studio(*SCENES) as made:
        yield made


@pytest.fixture(scope="session")
def album() -> Path:
    """Keep pictures for a person to look at."""
    return BUILD / "pictures"
