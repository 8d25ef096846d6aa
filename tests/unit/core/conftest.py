"""The doubles of the core's tests, one of each for a test."""

import pytest

from unit.core.handmade import HandClock, Published


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def published() -> Published:
    return Published()
