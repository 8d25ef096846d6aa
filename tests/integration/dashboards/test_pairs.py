"""Two exporters that watch the same instance change no figure: each query is asked of one, and of two."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from dashboards.prometheus import ask, fill, prometheus
from dashboards.world.scenes import INCIDENT, NOW, PAIR, Scene
from unit.dashboards.shipped import Asked, asked

#: The exporters themselves are not merged: each speaks of itself.
_MERGED = [query for query in asked() if query.dashboard != "campaign-exporter" and query.ref != "annotation"]
_PROD = replace(INCIDENT.campaigns[0], name="prod")


def scene(name: str, exporters: tuple[str, ...]) -> Scene:
    """Watch an incident, with few looks at it."""
    return Scene(name, [replace(_PROD, exporters=exporters)], hours=24, step=600, channels=("email", "sms"))


@pytest.fixture(scope="module")
def prometheuses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """Run a Prometheus for one exporter, and one for two."""
    scratch = tmp_path_factory.mktemp("pairs")
    with ExitStack() as stack:
        addresses = {}
        for each in (scene("one", PAIR[:1]), scene("two", PAIR)):
            fill(each.exposition(), scratch / each.name, scratch)
            addresses[each.name] = stack.enter_context(prometheus(scratch / each.name, scratch, lookback="15m"))
        yield addresses


def answer(url: str, query: Asked) -> dict[str, str]:
    """Ask a query as Grafana would, now; give the value of each series."""
    expr = (
        query.raw.replace("$instance", ".+").replace("$host", ".+").replace("$__rate_interval", "40m").replace("$__range", "1d")
    )
    result: list[dict[str, Any]] = ask(url, "query", query=expr, time=NOW)["result"]
    return {str(sorted(each["metric"].items())): each["value"][1] for each in result}


@pytest.mark.parametrize("query", _MERGED, ids=lambda query: query.name)
def test_two_exporters_tell_what_one_tells(prometheuses: Mapping[str, str], query: Asked) -> None:
    assert answer(prometheuses["two"], query) == answer(prometheuses["one"], query)


def test_something_is_told_at_all(prometheuses: Mapping[str, str]) -> None:
    told = [query.name for query in _MERGED if answer(prometheuses["one"], query)]
    assert len(told) > 0.95 * len(_MERGED)
