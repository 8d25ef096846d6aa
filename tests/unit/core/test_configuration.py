"""The configuration: all problems at once, each with its line, its key and the mend; never a secret, never a traceback."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from campaign_exporter.catalogue import COLLECTORS
from campaign_exporter.config import Config, default_state_directory, load_config
from campaign_exporter.document import ConfigurationError

MINIMAL = "instances: [{name: prod, hosts: [{name: mta1}]}]\n"


def load(directory: Path, text: str | bytes, **environment: str) -> Config:
    file = directory / "exporter.yml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_config(file, environment)


def problems(directory: Path, text: str | bytes, **environment: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(directory, text, **environment)
    return [str(problem).removeprefix(str(directory / "exporter.yml")) for problem in caught.value.problems]


def test_every_problem_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    text = """\
instances:
  - name: my prod
    role: main
    databse: {}
    database: {dsn: "postgresql://u@h/db", statement_timeout: soon}
    hosts:
      - {expected_processes: [mta, "2"]}
      - {name: web, processes: {}}
      - {name: web, directories: {a b: /tmp}}
    endpoints: [{name: app, kind: ping, url: "ftp://x"}]
colectors: {}
collectors: {deliveries: {interval: 0.5s, every: 3}, nothing: {}}
"""
    assert problems(tmp_path, text) == [
        ":2: instances[0].name: must have 1 to 128 characters, without spaces, @ and /",
        ":3: instances[0].role: must be 'standalone', 'marketing', 'mid-sourcing' or 'execution'",
        ":4: instances[0].databse: unknown key: did you mean database?",
        ":5: instances[0].database.statement_timeout: must be a duration such as 15s, 1m30s or 2d",
        ":7: instances[0].hosts[0]: lacks the key name: add it",
        ":7: instances[0].hosts[0].expected_processes[1]: must be a module of nlserver, such as mta",
        ":7: instances[0].hosts: two hosts are called web: names must differ",
        ":8: instances[0].hosts[1].processes: give either command or file",
        ":9: instances[0].hosts[2].directories.a b: must have 1 to 128 characters, without spaces, @ and /",
        ":10: instances[0].endpoints[0].url: must be an http:// or https:// address",
        ":11: colectors: unknown key: did you mean collectors?",
        ":12: collectors.deliveries.interval: must be from 1s to 1d",
        ":12: collectors.deliveries.every: unknown key: allowed here: enabled, interval, timeout",
        ":12: collectors.nothing: unknown key: allowed here: " + ", ".join(COLLECTORS),
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", ": must be a mapping that begins with `instances:`"),
        ("- a\n", ":1: must be a mapping that begins with `instances:`"),
        ("{}", ":1: lacks the key instances: add it"),
        ("instances: []", ":1: instances: must not be empty"),
        ("instances: 3", ":1: instances: must be a list"),
        ("instances: [3]", ":1: instances[0]: must be a mapping of keys to values"),
        ("instances: [{name: a}]", ":1: instances[0]: has nothing to watch: give it a database, hosts or endpoints"),
        (
            "instances:\n\t- a\n",
            ":2: is no YAML: found character '\\t' that cannot start any token: indent with spaces, not with tabs",
        ),
        ("a: [b", ":1: is no YAML: expected ',' or ']', but got '<stream end>'"),
        ("a: *b", ":1: is no YAML: found undefined alias: put text that begins with * in quotes"),
        ("a: b: c", ":1: is no YAML: mapping values are not allowed here: put text that holds a colon in quotes"),
        ("a: \x01", ":1: is no YAML: holds a control character: remove it"),
        (b"a: \xff", ": is not UTF-8 text: save it as UTF-8"),
        (MINIMAL + "---\n" + MINIMAL, ":2: is no YAML: but found another document: remove what stands from the second --- on"),
        (MINIMAL + "budget: &x {a: *x}\n", ":2: budget.a: refers to itself: write it out"),
        (MINIMAL + "instances: []\n", ":1: instances: stands twice, again in line 2: keep one"),
        (MINIMAL + "budget: {? [a] : 1}\n", ":2: budget: has a key in line 2 that is no plain text"),
        (MINIMAL + "budget: {<<: 3}\n", ":2: budget: `<<` must name mappings"),
        (MINIMAL + "budget: &a {<<: *a}\n", ": is nested too deeply, or refers to itself"),
        (MINIMAL + "state_directory: !!int ''\n", ":2: state_directory: is not a value that can be read: put it in quotes"),
        (MINIMAL + 'state_directory: "a\\0b"\n', ":2: state_directory: must not hold a NUL character"),
        (MINIMAL + "state_directory: [a]\n", ":2: state_directory: must be a path"),
        (
            MINIMAL + "state_directory: ~nobody-here/x\n",
            ":2: state_directory: begins with the home of a user that is not known here: write it out",
        ),
        (
            MINIMAL + "state_directory: ${NOT_SET}\n",
            ":2: state_directory: the environment variable NOT_SET is not set: set it, or write the value here",
        ),
        (MINIMAL + "collectors: {disks: {interval: .nan}}\n", ":2: collectors.disks.interval: must be from 1s to 1d"),
        (
            MINIMAL + "collectors: {disks: {interval: 25h}}\n",
            ":2: collectors.disks.interval: must be from 1s to 1d",
        ),
        (
            MINIMAL + "collectors: {disks: {interval: 5s, timeout: 6s}}\n",
            ":2: collectors.disks: timeout is longer than interval: a round must end before the next",
        ),
        (MINIMAL + "collectors: {disks: {enabled: maybe}}\n", ":2: collectors.disks.enabled: must be true or false"),
        (
            MINIMAL + "collectors: {pending: {table_size: 1001}}\n",
            ":2: collectors.pending.table_size: must be less than or equal to 1000",
        ),
        ("instances: [{name: yes, hosts: [{name: a}]}]", ":1: instances[0].name: must be text: put it in quotes"),
    ],
)
def test_one_problem_is_one_line_with_the_mend(tmp_path: Path, text: str | bytes, problem: str) -> None:
    found = problems(tmp_path, text)
    assert problem in [line[: len(problem)] for line in found], found


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("instances: [{name: a, hosts: [{name: b}]}, {name: a, hosts: [{name: b}]}]", "two instances are called a"),
        ("instances: [{name: a, hosts: [{name: b}, {name: b}]}]", "two hosts are called b"),
        (
            "instances: [{name: a, endpoints: [{name: e, kind: ping, url: 'http://x'}, {name: e, kind: ping, url: 'http://y'}]}]",
            "two endpoints are called e",
        ),
    ],
)
def test_names_must_differ(tmp_path: Path, text: str, word: str) -> None:
    (problem,) = problems(tmp_path, text)
    assert word in problem


def test_what_cannot_be_opened_is_one_problem(tmp_path: Path) -> None:
    for file, why in ((tmp_path, "Is a directory"), (tmp_path / "none.yml", "No such file or directory")):
        with pytest.raises(ConfigurationError, match=f"{file}: cannot be read: {why}"):
            load_config(file)


def test_a_file_of_any_size_is_refused_in_time(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is larger than"):
        load_config(Path("/dev/zero"))
    laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    laughs += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9))
    assert problems(tmp_path, laughs) == [": has more than 100000 values"]
    assert problems(tmp_path, "[" * 20_000 + "]" * 20_000) == [": is nested too deeply, or refers to itself"]


@pytest.mark.parametrize(
    "text",
    [
        "instances: [{name: a, database: {dsn: 'postgresql://u:S3CRET@[h/db'}}]",
        "instances: [{name: a, database: {dsn: 'postgresql://u:S3CRET@h'}}]",
        "instances: [{name: a, database: {dsn: 'host=h password=S3CRET nonsense'}}]",
        "instances: [{name: a, database: {dsn: ['S3CRET']}}]",
        "instances: [{name: a, database: {dsn: *S3CRET}}]",
        "instances: [{name: a, database: {dsn: %S3CRET}}]",
        "instances: [{name: a, database: {dsn: !S3CRET x}}]",
        "instances: [{name: a, database: S3CRET}]",
        "instances: [{name: a, database: {dsn: 'a\nS3CRET: b': c}}]",
        "instances: [{name: a, endpoints: [{name: e, kind: ping, url: 'https://u:S3CRET@h/'}]}]",
        "instances: [{name: a, endpoints: [{name: e, kind: ping, url: 'https://u:S3CRET@h\u2100/'}]}]",
        "instances: [{name: a, endpoints: [{name: e, kind: ping, url: 'https://u:S3CRET@[h/'}]}]",
        "instances: [{name: a, endpoints: [{name: e, kind: ping, url: 'https://h:S3CRET/'}]}]",
    ],
)
def test_no_problem_shows_a_secret(tmp_path: Path, text: str) -> None:
    assert "S3CRET" not in "\n".join(problems(tmp_path, text))


def test_a_configuration_does_not_show_its_secrets(tmp_path: Path) -> None:
    text = "instances: [{name: a, database: {dsn: 'postgresql://u:${PASSWORD}@h/db'}}]"
    config = load(tmp_path, text, PASSWORD="S3CRET")
    assert config.instances[0].database is not None
    assert config.instances[0].database.dsn == "postgresql://u:S3CRET@h/db"
    assert "S3CRET" not in f"{config!r} {config}"


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    text = """
instances:
  - name: prod
    database: {dsn: "postgresql://u@h/db", password_file: secrets/db}
    hosts:
      - {name: mta1, configuration: [conf/serverConf.xml, /etc/config-prod.xml], processes: {file: "~/pdump.txt"}}
state_directory: state
"""
    config = load(tmp_path, text)
    (instance,) = config.instances
    assert instance.database is not None
    assert instance.database.password_file == tmp_path / "secrets/db"
    assert instance.hosts[0].configuration == (tmp_path / "conf/serverConf.xml", Path("/etc/config-prod.xml"))
    assert instance.hosts[0].processes is not None
    assert instance.hosts[0].processes.file == Path("~/pdump.txt").expanduser()
    assert config.state_directory == tmp_path / "state"
    assert load(tmp_path, MINIMAL + "state_directory: none").state_directory is None


def test_the_state_directory_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert default_state_directory({"STATE_DIRECTORY": "/var/lib/a:/var/lib/b", "XDG_STATE_HOME": "/x"}) == Path("/var/lib/a")
    assert default_state_directory({"XDG_STATE_HOME": "/x"}) == Path("/x/campaign-exporter")
    monkeypatch.setenv("HOME", "/home/u")
    assert default_state_directory({}) == Path("/home/u/.local/state/campaign-exporter")


def test_a_user_without_a_home_gets_a_state_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    assert default_state_directory({}) == Path("/var/lib/campaign-exporter")


def test_anchors_and_merges_are_allowed(tmp_path: Path) -> None:
    text = """
collectors:
  deliveries: &often {interval: 5s, timeout: 2s}
  pending: {<<: *often, timeout: 3s}
  database: {<<: [*often, {interval: 9s, enabled: false}]}
instances: [{name: prod, hosts: [{name: 7}]}]
"""
    config = load(tmp_path, text)
    assert (config.collectors.pending.interval, config.collectors.pending.timeout) == (5, 3)
    assert (config.collectors.database.interval, config.collectors.database.enabled) == (5, False)
    assert config.instances[0].hosts[0].name == "7"


def agent(mapping: str, more: str = "") -> str:
    return f"instances: [{{name: prod, hosts: [{{name: mta2{more}, agent: {{{mapping}}}}}]}}]\n"


@pytest.mark.parametrize(
    ("mapping", "problem"),
    [
        ("host: a", "agent: lacks the key url: add it"),
        ("url: 'http://mta2:1'", "agent: plain http to another machine: use https, or set allow_plain_http: true"),
        ("url: 'http://127.0.0.1.example:1'", "agent: plain http to another machine"),
        ("url: 'http://0.0.0.0:1'", "agent: plain http to another machine"),
        ("url: 'https://mta2:1', username: u", "agent: give both username and password_file, or neither"),
        ("url: 'https://mta2:1', password_file: p", "agent: give both username and password_file, or neither"),
        ("url: 'https://mta2:1', key_file: k", "agent: key_file goes with cert_file: add it"),
        (
            "url: 'https://mta2:1', username: 'a:b', password_file: p",
            "agent.username: must be printable, not empty, and without",
        ),
        ("url: 'ftp://mta2:1'", "agent.url: must be an http:// or https:// address"),
        ("url: 'https://u:S3CRET@mta2:1'", "agent.url: must not hold a user or a password"),
        ("url: 'https://mta2', passwordfile: p", "agent.passwordfile: unknown key: did you mean password_file?"),
        ("url: 'https://mta2', host: 'a b'", "agent.host: must have 1 to 128 characters"),
    ],
)
def test_an_agent_is_asked_safely_or_not_at_all(tmp_path: Path, mapping: str, problem: str) -> None:
    (found,) = problems(tmp_path, agent(mapping))
    assert f"instances[0].hosts[0].{problem}" in found
    assert "S3CRET" not in found


def test_an_agent_excludes_what_it_tells(tmp_path: Path) -> None:
    more = ", processes: {command: [a]}, configuration: [b], directories: {c: d}, expected_processes: [mta]"
    (found,) = problems(tmp_path, agent("url: 'https://mta2'", more))
    assert found == (
        ":1: instances[0].hosts[0]: agent tells all about a host: give configuration, directories, expected_processes,"
        " processes to the agent, and remove it here"
    )


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://mta2:11951", "https://mta2:11951/metrics"),
        ("https://mta2:11951/", "https://mta2:11951/metrics"),
        ("https://mta2/campaign/metrics?x=1#y", "https://mta2/campaign/metrics?x=1"),
        ("http://localhost:11951", "http://localhost:11951/metrics"),
        ("http://127.3.2.1:1", "http://127.3.2.1:1/metrics"),
        ("http://[::1]:1", "http://[::1]:1/metrics"),
    ],
)
def test_the_address_of_an_agent(tmp_path: Path, url: str, address: str) -> None:
    found = load(tmp_path, agent(f"url: '{url}'")).instances[0].hosts[0].agent
    assert found is not None
    assert (found.url, found.plain) == (address, False)
    assert load(tmp_path, agent("url: 'http://mta2', allow_plain_http: true")).instances[0].hosts[0].agent


@pytest.mark.parametrize(
    ("text", "seconds"), [("15s", 15), ("1m30s", 90), ("1500ms", 1.5), ("2", 2), ("1.5m", 90), ("1h", 3600)]
)
def test_durations(tmp_path: Path, text: str, seconds: float) -> None:
    assert load(tmp_path, f"{MINIMAL}collectors: {{disks: {{interval: {text}}}}}").collectors.disks.interval == seconds


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0123", "83"),
        ("007", "7"),
        ("1_0", "10"),
        ("0x1F", "31"),
        ("0b11", "3"),
        ("1:30", "90"),
        ("+5", "5"),
        ("-0", "0"),
        ("1:30.5", "90.5"),
        ("1_0.5", "10.5"),
    ],
)
def test_a_number_that_yaml_reads_otherwise_is_no_name_no_argument_and_no_time(tmp_path: Path, text: str, number: str) -> None:
    told = f"is read as the number {number}: put it in quotes, or write {number}"
    processes = f"{{command: [ssh, {text}]}}"
    for mapping, key in [
        (f"name: {text}", "name"),
        (f"name: a, processes: {processes}", "processes.command[1]"),
        (f"name: a, processes: {{file: b, max_age: {text}}}", "processes.max_age"),
    ]:
        found = problems(tmp_path, f"instances: [{{name: prod, hosts: [{{{mapping}}}]}}]")
        assert f":1: instances[0].hosts[0].{key}: {told}" in found


def test_a_number_as_people_write_it_is_itself(tmp_path: Path) -> None:
    hosts = "[{name: '0123', processes: {command: [ssh, 22, -1, 0, '022'], max_age: 90}}, {name: b}]"
    config = load(tmp_path, f"instances: [{{name: 10, hosts: {hosts}}}]\nbudget: {{database_seconds_per_minute: 00.50}}")
    assert config.budget.database_seconds_per_minute == 0.5
    (first, _) = config.instances[0].hosts
    assert first.name == "0123"
    assert first.processes is not None
    assert first.processes.command == ("ssh", "22", "-1", "0", "022")


def test_a_number_that_is_too_long_is_one_problem(tmp_path: Path) -> None:
    assert problems(tmp_path, f"a: 0x{'F' * 5000}\n{MINIMAL}")[0] == ":1: a: is not a value that can be read: put it in quotes"


EXAMPLE = """
instances:
  - name: prod
    role: standalone
    database:
      dsn: postgresql://campaign_monitor@db.example:5432/campaign
      password_file: /run/secrets/campaign-db
      schema: public
    hosts:
      - name: mta1
        expected_processes: [mta, stat, inMail]
        processes: {command: [ssh, -o, BatchMode=yes, -o, ConnectTimeout=5, mta1, timeout, "10", nlserver, pdump]}
        configuration: [/srv/campaign/mta1/serverConf.xml, /srv/campaign/mta1/config-prod.xml]
        directories: {var: /usr/local/neolane/nl6/var, tmp: /tmp}
      - {name: mta2, agent: {url: "https://mta2:11951", ca_file: ca.pem, username: central, password_file: secret}}
    endpoints:
      - {name: tracking, kind: redirection, url: "https://t.example/r/test"}
      - {name: app, kind: ping, url: "https://app.example/nl/jsp/ping.jsp", session_token_file: /run/secrets/token}
      - {name: images, kind: resource, url: "https://res.example/res/prod/probe.png"}
    throughput: {source: auto, volume_unit_bytes: 1}
collectors:
  deliveries: {interval: 15s}
budget: {database_seconds_per_minute: 0.6}
state_directory: /var/lib/campaign-exporter
"""


def test_the_example_loads(tmp_path: Path) -> None:
    config = load(tmp_path, EXAMPLE)
    assert config.instances[0].hosts[0].expected_processes == frozenset({"mta", "stat", "inMail"})
    assert config.state_directory == Path("/var/lib/campaign-exporter")


_KEYS = [
    "instances",
    "name",
    "role",
    "database",
    "dsn",
    "hosts",
    "processes",
    "command",
    "file",
    "kind",
    "url",
    "collectors",
    "interval",
]
_WORDS = st.sampled_from([*COLLECTORS, *_KEYS, "prod", "15s", "none", "postgresql://u@h/db", "<<"])
_LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | _WORDS | st.dates() | st.binary(max_size=4)
)
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_WORDS | st.text(max_size=5), inner, max_size=5),
    max_leaves=25,
)


def _loads_or_complains(directory: Path, text: str | bytes) -> None:
    try:
        load(directory, text)
    except ConfigurationError as error:
        lines = [str(problem) for problem in error.problems]
    else:
        return
    assert lines
    assert all(len(line.splitlines()) == 1 for line in lines)


@given(data=_TREES)
def test_any_tree_of_data_is_a_configuration_or_a_list_of_problems(
    tmp_path_factory: pytest.TempPathFactory, data: object
) -> None:
    _loads_or_complains(tmp_path_factory.getbasetemp(), yaml.safe_dump(data, allow_unicode=True))


@given(text=st.text() | st.lists(_WORDS | st.sampled_from(list(":{}[],&*!|>'\"%@`#\n\t -?~")), max_size=40).map("".join))
def test_any_text_is_a_configuration_or_a_list_of_problems(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    _loads_or_complains(tmp_path_factory.getbasetemp(), text.encode(errors="surrogatepass"))


@given(content=st.binary())
def test_any_bytes_are_a_configuration_or_a_list_of_problems(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    _loads_or_complains(tmp_path_factory.getbasetemp(), content)


@given(place=st.integers(0, len(EXAMPLE) - 1), length=st.integers(0, 12), instead=st.text(max_size=3) | _WORDS)
def test_a_slip_of_the_pen_is_a_configuration_or_a_list_of_problems(
    tmp_path_factory: pytest.TempPathFactory, place: int, length: int, instead: str
) -> None:
    text = EXAMPLE[:place] + instead + EXAMPLE[place + length :]
    _loads_or_complains(tmp_path_factory.getbasetemp(), text.encode(errors="surrogatepass"))


@pytest.mark.parametrize("collector", COLLECTORS)
def test_a_section_without_an_interval_keeps_the_collectors_own(tmp_path: Path, collector: str) -> None:
    asked = load(tmp_path, MINIMAL + f"collectors: {{{collector}: {{timeout: 5s}}}}\n").collectors.of(collector)
    assert asked.timeout == 5
    assert asked.interval == load(tmp_path, MINIMAL).collectors.of(collector).interval
