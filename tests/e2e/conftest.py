from collections.abc import Iterator

import pytest

from e2e.watched import Scene, watched


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with watched(tmp_path_factory.mktemp("e2e") / "simulated") as made:
        yield made
