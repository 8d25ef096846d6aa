"""A sample of wrong rules is noticed; `make mutants` hunts all of them."""

from pathlib import Path

import pytest

from unit.alerts.cases import Case, Rules
from unit.alerts.mutation import Hunter, Mutant, mutants
from unit.alerts.stories import STORIES

RULES = Rules.load()
EVERY = list(mutants(RULES))
#: One in so many, of those that change what decides whether an alert fires.
_SHARE = 40
SAMPLE = [mutant for mutant in EVERY if mutant.what != "range"][7::_SHARE]
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def hunter(tmp_path_factory: pytest.TempPathFactory) -> Hunter:
    return Hunter(RULES, STORIES, tmp_path_factory.mktemp("mutants"))


@pytest.mark.parametrize("mutant", SAMPLE, ids=str)
def test_a_wrong_rule_is_noticed(mutant: Mutant, hunter: Hunter) -> None:
    assert not hunter.survives(mutant)


def test_what_is_not_changed_survives(tmp_path: Path) -> None:
    """Else each mutant would be noticed, by stories that are wrong themselves."""
    same = Mutant(1, "nothing", "nothing", RULES.rules[1])
    few: list[Case] = [case for case in STORIES if case.alerts and same.name in case.alerts]
    assert Hunter(RULES, few or STORIES, tmp_path).survives(same)


def test_each_rule_has_mutants_of_each_kind() -> None:
    kinds = {mutant.what for mutant in EVERY}
    assert kinds == {"threshold", "range", "for", "keep_firing_for", "matcher", "clause"}
    hunted = {mutant.name for mutant in EVERY}
    nothing_to_change = {"CampaignWatchdog", "campaign_instance_result_pass:campaign_messages:without_catch_up"}
    assert {rule.get("alert") or rule["record"] for rule in RULES.rules} - nothing_to_change == hunted
