"""An agent's exposition: all of it is understood, or nothing is taken, and what is not told is not known."""

import dataclasses
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaign_exporter import catalogue
from campaign_exporter.domain.host_facts import Declared, Processes, Usage
from campaign_exporter.domain.labels import is_changed, safe_label
from campaign_exporter.domain.server_configuration import FAULTS
from campaign_exporter.errors import Missing, SourceError, Stale, Unreadable
from campaign_exporter.sources.agent_reports import HostReport, Report, read_report
from unit.hosts.agent_expositions import INTERVALS, MTA, NOW, Agent, Seen

SITE = Agent(
    {
        "mta1": Seen(),
        "mta2": Seen(configuration=Declared(frozenset(), dict.fromkeys(FAULTS, False))),
        "ill": Seen(up=dict.fromkeys(("processes", "configuration", "directories"), False)),
    }
)
TEXT = SITE.text()
WHOLE = read_report(TEXT, "prod", NOW)
SHARED = dataclasses.replace(SITE, instances=("prod", "other")).text()

_AMOUNTS = st.integers(0, 2**53).map(float)
_MODULES = st.sampled_from(["mta", "stat", "sms", "web", "inMail", "wfserver"])
_NAMES = (st.text(min_size=1, max_size=12) | st.sampled_from(['a"b', "a\\", "a\\n", "é}", "{", "#", "a,b=", "\n"])).filter(
    lambda name: safe_label(name) == name and not is_changed(name)
)
_USAGES = st.builds(Usage, _AMOUNTS, _AMOUNTS, _AMOUNTS.map(lambda n: n + 1), _AMOUNTS) | st.builds(
    Usage, _AMOUNTS, _AMOUNTS, st.just(0.0), st.just(0.0)
)


def by_module(values: st.SearchStrategy[float]) -> st.SearchStrategy[Mapping[str, float]]:
    return st.dictionaries(_MODULES, values, max_size=3)


_SEEN = st.builds(
    Seen,
    st.builds(
        Processes,
        expected=st.frozensets(_MODULES, min_size=1),
        up=st.dictionaries(_MODULES, st.booleans(), max_size=3),
        counts=by_module(_AMOUNTS),
        memory=by_module(_AMOUNTS),
        limits=st.dictionaries(
            _MODULES, st.dictionaries(st.sampled_from(["warning", "alert", "restart"]), _AMOUNTS, min_size=1), max_size=2
        ),
        restarts=by_module(_AMOUNTS),
    ),
    st.builds(
        Declared,
        st.frozensets(_NAMES, max_size=4),
        st.just({kind: kind == "no_address" for kind in FAULTS}),
        preparation_seconds=st.none() | _AMOUNTS,
    ),
    st.dictionaries(_NAMES, _USAGES, max_size=2),
)


@settings(max_examples=40, deadline=None)  # the machine may be busy
@given(hosts=st.dictionaries(_NAMES, _SEEN, min_size=1, max_size=2), build=_NAMES | st.just(""))
def test_what_an_agent_exposes_is_what_is_understood(hosts: dict[str, Seen], build: str) -> None:
    agent = Agent(hosts, instances=("test", "prod", "stage"), build=build)
    assert read_report(agent.text(), "prod", NOW) == agent.report


def test_the_example_is_understood() -> None:
    assert {name: report for name, report in WHOLE.hosts.items() if name != "ill"} == {
        "mta1": SITE.report.hosts["mta1"],
        "mta2": SITE.report.hosts["mta2"],
    }
    ill = WHOLE.host("ill")
    assert (ill.processes.up, ill.processes.value) == (False, MTA)


def understood(text: str) -> Report | None:
    """Read what may be ill; only an error with a meaning says so."""
    try:
        return read_report(text, "prod", NOW)
    except SourceError:
        return None


def plain(report: Report | None) -> object:
    """Make reports comparable, which errors are not."""
    if report is None:
        return None
    told = {
        (host, kind): getattr(seen, kind) for host, seen in report.hosts.items() for kind in HostReport.__dataclass_fields__
    }
    return report.build, {key: (each.up, each.value, repr(each.error)) for key, each in told.items()}


def test_a_text_that_is_cut_off_is_whole_or_nothing() -> None:
    found = [understood(TEXT[:length]) for length in range(0, len(TEXT), 7)]
    assert [report for report in found if report is not None and plain(report) != plain(WHOLE)] == []
    assert found[0] is None
    assert understood(TEXT[:-1]) is None


@settings(deadline=None)  # the machine may be busy
@given(data=st.data())
def test_a_text_without_its_end_is_whole_or_nothing(data: st.DataObject) -> None:
    ends = [place + 1 for place, character in enumerate(SHARED) if character == "\n"]
    assert plain(understood(SHARED[: data.draw(st.sampled_from(ends))])) in (None, plain(WHOLE))


@settings(deadline=None)  # the machine may be busy
@given(text=st.text() | st.lists(st.sampled_from([*TEXT.splitlines()[:40], *'{}"\\=, #\n'])).map("\n".join))
def test_any_text_is_an_error_or_no_facts(text: str) -> None:
    assert understood(text) is None


@settings(deadline=None)  # the machine may be busy
@given(place=st.integers(0, len(TEXT)), length=st.integers(0, 30), instead=st.text('{}"\\=,# \n\t\0é_1:+.NI', max_size=4))
def test_a_text_that_is_spoilt_makes_no_other_error(place: int, length: int, instead: str) -> None:
    understood(TEXT[:place] + instead + TEXT[place + length :])


def facts(report: HostReport) -> set[tuple[str, object]]:
    """List what is claimed of a host, so that less can be told from other."""
    processes, declared = report.processes.value or Processes(), report.configuration.value
    claims: set[tuple[str, object]] = {("up", item) for item in processes.up.items()}
    claims |= {("count", item) for item in processes.counts.items()}
    if processes.expected is not None:
        claims.add(("expected", processes.expected))
    if declared is not None:
        claims |= {("affinities", declared.affinities), *(("fault", item) for item in declared.faults.items())}
    return claims | {("directory", (name, usage.size_bytes)) for name, usage in (report.directories.value or {}).items()}


@pytest.mark.parametrize("metric", [name for name in catalogue.METRICS if name in TEXT])
def test_a_family_that_an_agent_lacks_makes_facts_unknown_and_never_others(metric: str) -> None:
    lines = [line for line in TEXT.splitlines(keepends=True) if metric not in line.split("{")[0].split()]
    report = understood("".join(lines))
    for host in WHOLE.hosts:
        told = report.hosts.get(host) if report is not None else None
        whole = WHOLE.hosts[host]
        assert whole is not None
        assert told is None or facts(told) <= facts(whole), metric


def one(seen: Seen, **more: Mapping[str, float]) -> HostReport:
    return read_report(Agent({"mta1": seen}, **more).text(), "prod", NOW).host("mta1")  # type: ignore[arg-type] # passed on


def moments(**ages: float) -> dict[str, float]:
    return {collector: NOW - ages.get(collector, 1.0) for collector in INTERVALS}


@pytest.mark.parametrize("age", [46.0, 86400.0, -46.0])
def test_rounds_that_have_stopped_make_their_facts_unknown_and_no_others(age: float) -> None:
    report = one(Seen(), last_round=moments(processes=age))
    assert report.processes.value is None
    assert report.processes.up is False
    assert isinstance(report.processes.error, Stale)
    assert report.configuration == Seen().report.configuration


def test_a_host_that_is_read_is_believed_though_another_fails_for_ever() -> None:
    assert one(Seen(), last_success=moments(processes=86400.0, affinity=86400.0)) == Seen().report
    assert one(Seen(), last_success={}) == Seen().report


def test_what_was_not_read_for_three_intervals_is_unknown_but_not_what_is_to_run() -> None:
    lost = Seen(up={"processes": False, "configuration": False, "directories": False})
    young = one(lost, last_success=moments(processes=44.0, affinity=44.0, disks=179.0))
    assert (young.processes.value, young.configuration.value, young.directories.value) == (
        lost.processes,
        lost.configuration,
        lost.directories,
    )
    assert all(isinstance(told.error, Missing) for told in (young.processes, young.configuration, young.directories))
    old = one(lost, last_success=moments(processes=46.0, affinity=46.0, disks=181.0))
    assert old.processes.value is not None
    assert (old.processes.value.expected, old.processes.value.up, old.processes.value.counts) == (MTA.expected, {}, {})
    assert (old.configuration.value, old.directories.value) == (None, None)
    assert all(isinstance(told.error, Stale) for told in (old.processes, old.configuration, old.directories))


def test_expected_and_cannot_be_told_differs_from_not_expected() -> None:
    processes = one(Seen()).processes.value
    assert processes is not None
    assert processes.expected == MTA.expected
    assert "wfserver" not in processes.up
    bare = one(Seen(processes=Processes(counts={"mta": 1}))).processes.value
    assert bare is not None
    assert bare.expected is None


def test_no_affinity_differs_from_no_configuration_read() -> None:
    none = one(Seen(configuration=Declared(frozenset(), {}))).configuration
    assert none.value == Declared(frozenset(), {})
    withdrawn = one(Seen(configuration=None, up={"configuration": False})).configuration
    assert withdrawn.value is None
    assert isinstance(withdrawn.error, Missing)
    unwatched = one(Seen(configuration=None, up={"processes": True})).configuration
    assert (unwatched.up, unwatched.value, unwatched.error) == (None, None, None)


def test_an_affinity_whose_name_was_changed_for_a_label_makes_them_unknown() -> None:
    told = one(Seen(configuration=Declared(frozenset({"x" * 300, "news"}), {}))).configuration
    assert (told.up, told.value) == (False, None)
    assert isinstance(told.error, Unreadable)


def test_who_is_not_known_is_named_with_the_mend() -> None:
    with pytest.raises(Missing, match=r"no host mta9, only ill, mta1, mta2: name it in agent.host"):
        WHOLE.host("mta9")
    with pytest.raises(Missing, match=r"no instance live, only prod: name it in agent.instance"):
        read_report(TEXT, "live", NOW)
    with pytest.raises(Missing, match="has not ended its first rounds"):
        one(Seen(), last_round={"processes": NOW, "disks": NOW})


def test_a_host_that_the_agent_sees_by_another_agent_is_gone_with_that() -> None:
    chained = Agent({"mta1": Seen()}).text()
    up = 'campaign_host_up{campaign_instance="prod",host="mta1",source="processes"} 1.0\n'
    assert up in chained
    with pytest.raises(Missing, match="does not hear its own agent of host mta1"):
        read_report(chained.replace(up, up.replace("processes", "agent").replace(" 1.0", " 0.0")), "prod", NOW).host("mta1")


_LINE = 'campaign_process_up{campaign_instance="prod",host="mta1",process="mta"} 1.0\n'


@pytest.mark.parametrize(
    "line",
    [
        _LINE * 2,
        _LINE.replace("1.0", "NaN"),
        _LINE.replace("1.0", "2"),
        _LINE.replace("1.0", "-1"),
        _LINE.replace("1.0", "+Inf"),
        _LINE.replace("1.0", "9" * 400),
        _LINE.replace("1.0", "1 " + "9" * 400),
        _LINE.replace(',process="mta"', ""),
        _LINE.replace('"}', '",more="x"}'),
        _LINE.replace("host", ""),
        _LINE + "# HELP x " + "y" * 5000 + "\n",
        _LINE + "<html>\n",
        _LINE + "a 1\n" * 50_000,
    ],
)
def test_a_line_that_cannot_be_spoils_the_whole(line: str) -> None:
    assert _LINE in TEXT
    with pytest.raises(Unreadable):
        read_report(TEXT.replace(_LINE, line), "prod", NOW)


def test_what_a_newer_agent_says_besides_is_passed_over() -> None:
    more = 'campaign_new{campaign_instance="prod",host="mta1"} 7\n'
    fault = 'campaign_server_configuration_fault{campaign_instance="prod",host="mta1",kind="no_address"} 1.0\n'
    assert fault in TEXT
    newer = TEXT.replace(fault, fault + fault.replace("no_address", "new_kind")) + more
    assert plain(read_report(newer, "prod", NOW)) == plain(WHOLE)


def test_an_agent_without_an_interval_is_not_believed() -> None:
    report = one(Seen(), intervals={**INTERVALS, "processes": 0.0})
    assert isinstance(report.processes.error, Stale)
