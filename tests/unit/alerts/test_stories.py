"""Each story of what happens, and what fires meanwhile, told to promtool."""

import pytest

from unit.alerts.cases import Case, Rules, run
from unit.alerts.stories import STORIES

#: A few minutes of promtool's work stand before the first of them.
pytestmark = pytest.mark.timeout(900)
TITLES = [case.title for case in STORIES]


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return run(STORIES, Rules.load(), tmp_path_factory.mktemp("stories"))


def test_titles_stand_once() -> None:
    assert len(set(TITLES)) == len(TITLES)


@pytest.mark.parametrize("case", STORIES, ids=TITLES)
def test_story(case: Case, failed: dict[str, str]) -> None:
    assert failed.get(case.title, "") == ""
