"""Listings of nlserver, as Adobe's documents and its customers show them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaign_exporter.domain.processes import Listing, parse_missing, parse_pdump

MB = 1 << 20
HEADER = "12:09:54 >   Application server for Adobe Campaign Classic (7.3.4 build 9364@8f3ef8e of 09/04/2023)\n"
DOCUMENTED = (
    "12:09:54 >   Application server for Adobe Campaign Classic (7.X YY.R build XXX@SHA1) of DD/MM/YYYY\n"
    "syslogd@default (7611) - 9.2 MB\n"
    "stat@demo (5988) - 1.5 MB\n"
    "inMail@demo (7830) - 11.9 MB\n"
    "watchdog (27369) - 3.1 MB\n"
    "mta@demo (7831) - 15.6 MB\n"
    "wfserver@demo (7832) - 11.5 MB\n"
    "web@default (28671) - 40.5 MB\n"
)
WHO = (
    "12:09:54 > Application server for Adobe Campaign Classic (7.X YY.R build XXX@SHA1) of DD/MM/YYYY\n"
    "web@default (9984) - 50.1 Mo\n"
    "watchdog (2273) - 6.6 Mo\n"
    "mta@test (9986) - 9.6 Mo\n"
    "\n"
    "Connections ------------------------------------------------------\n"
    "Last Access IP Instance Login \n"
    "DD/MM/YYYY HH:MM:SS 127.0.0.1 default formation_fr|tracking\n"
    "\n"
    "Connection pool --------------------------------------------------\n"
    "Datasource Server Provider Login \n"
    "default xxxxx myserver myprovider test400\n"
)


def test_the_documented_sample_is_understood_whole() -> None:
    listing = parse_pdump(DOCUMENTED)
    assert listing.complete
    assert listing.complaint is None
    assert listing.build == "XXX"
    assert listing.pids("mta", "demo") == (7831,)
    assert listing.memory_bytes("mta", "demo") == 15.6 * MB
    assert listing.modules("demo") == {"syslogd", "stat", "inMail", "watchdog", "mta", "wfserver", "web"}
    assert listing.up("sms", "demo") is False


@pytest.mark.parametrize(
    ("header", "build"),
    [
        ("12:09:54 >   Application server for Adobe Campaign Classic (7.3.4 build 9364@8f3ef8e of 09/04/2023)", "9364"),
        ("HH:MM:SS > Application server for Adobe Campaign Classic (X.Y.Z YY.R build nnnn@SHA1) of DD/MM/YYYY", "nnnn"),
        ("09:01:02 > Adobe Campaign (6.1.1 build 8864) of 03/02/2018", "8864"),
        ("13:31:32 >   Application server for Adobe Campaign v7 (7.0 build 8931) of 12/06/2018", "8931"),
        ("13:31:32 > Application server for Adobe Campaign Version 6.1 (build 8700) of 12/06/2018", "8700"),
        ("10:00:00 > Application Server for Adobe Campaign version x.x (build xxx) dated xx/xx/xxxx", "xxx"),
        ("10:00:00 > Application server for Adobe Campaign v7 (7.0 build XXXX) of ...", "XXXX"),
        ("10:00:00 > Application server for Adobe Campaign Classic", None),
        (r"C:\nl6\bin>nlserver pdump HH:MM:SS > Application Server for Adobe Campaign version 7.0 (build 90) No tasks", "90"),
    ],
)
def test_every_known_header_tells_the_build_and_that_nothing_runs(header: str, build: str | None) -> None:
    listing = parse_pdump(header + "\n")
    assert listing.complaint is None
    assert (listing.build, listing.up("mta", "prod")) == (build, False)


def test_children_of_an_mta_are_listed_or_not() -> None:
    assert not parse_pdump(DOCUMENTED).lists_children("demo")
    with_children = parse_pdump(DOCUMENTED + "mtachild@demo (10042) - 20.0 MB\n")
    assert with_children.lists_children("demo")
    assert not with_children.lists_children("prod")
    assert not parse_pdump(DOCUMENTED + "mtachild (10042) - 20.0 MB\n").lists_children("demo")


@pytest.mark.parametrize("nothing", ["No tasks", "No task", "no task", "no tasks\r", "\n  No tasks  "])
@pytest.mark.parametrize("header", [HEADER, ""])
def test_no_tasks_is_nothing_running(header: str, nothing: str) -> None:
    assert parse_pdump(header + nothing + "\n").up("mta", "prod") is False


@pytest.mark.parametrize(
    ("size", "memory"),
    [
        ("143.4 MB", 143.4 * MB),
        ("23.0 Mb", 23 * MB),
        ("9.6 Mo", 9.6 * MB),
        ("9,6 Mo", 9.6 * MB),
        ("512 kB", 512 * 1024),
        ("512 Ko", 512 * 1024),
        ("1.5 GB", 1.5 * 1024 * MB),
        ("1,5 Go", 1.5 * 1024 * MB),
        ("1,234.5 MB", 1234.5 * MB),
        ("1.234,5 Mo", 1234.5 * MB),
        ("1 234,5 Mo", 1234.5 * MB),
        ("1\u202f234,5 Mo", 1234.5 * MB),
        ("1\ufffd234,5 Mo", 1234.5 * MB),
        ("1'234.5 MB", 1234.5 * MB),
        ("1,234,567 kB", 1234567 * 1024),
        ("0.123 GB", 0.123 * 1024 * MB),
        ("1.234 MB", None),  # a thousand or one
        ("12.34.5 MB", None),
        ("9.6 furlongs", None),
    ],
)
def test_memory_is_read_where_it_is_plain_and_the_process_is_up_anyway(size: str, memory: float | None) -> None:
    listing = parse_pdump(f"{HEADER}mta@prod (12) - {size}\n")
    assert listing.complete
    assert listing.up("mta", "prod") is True
    assert listing.memory_bytes("mta", "prod") == (None if memory is None else pytest.approx(memory))


@pytest.mark.parametrize(
    ("line", "module", "up"),
    [
        ("mta@prod (1) - 9.6 MB", "mta", True),
        ("mta*@prod (1) - 9.6 MB", "mta", True),
        ("mtachild@prod (1) - 9.6 MB", "mta", False),
        ("mtachild@prod (1) - 9.6 MB", "mtachild", True),
        ("stat@prod (1) - 9.6 MB", "stat", True),
        ("mta@other (1) - 9.6 MB", "mta", False),
        ("mta@Prod (1) - 9.6 MB", "mta", False),
        ("inmail@prod (1) - 9.6 MB", "inMail", False),
        ("mta@default (1) - 9.6 MB", "mta", False),
        ("mta (1) - 9.6 MB", "mta", False),
        ("web@default (1) - 9.6 MB", "web", True),
        ("web (1) - 9.6 MB", "web", True),
        ("web@prod (1) - 9.6 MB", "web", True),
        ("web@other (1) - 9.6 MB", "web", False),
        ("watchdog (1) - 9.6 MB", "watchdog", True),
        ("syslogd@default (1) - 9.6 MB", "syslogd", True),
        ("trackinglogd@default (1) - 9.6 MB", "trackinglogd", True),
        ("pipelined@prod (1) - 9.6 MB", "pipelined", True),
        ("interactiond@default (1) - 9.6 MB", "interactiond", None),  # its scope is not published
    ],
)
def test_a_process_counts_for_the_instances_that_it_serves(line: str, module: str, *, up: bool | None) -> None:
    listing = parse_pdump(f"{HEADER}{line}\n")
    assert listing.complete
    assert listing.up(module, "prod") is up
    assert (listing.pids(module, "prod") == (1,)) is (up is True)


def test_no_instance_is_called_default() -> None:
    assert parse_pdump(f"{HEADER}mta@default (1) - 9.6 MB\n").up("mta", "default") is False


def test_several_processes_of_a_module_give_the_largest_memory_and_every_pid_once() -> None:
    listing = parse_pdump(HEADER + "".join(f"web@default ({pid}) - {pid}.0 MB\n" for pid in (7, 9, 8, 7)))
    assert listing.pids("web", "prod") == (7, 9, 8)
    assert listing.memory_bytes("web", "prod") == 9 * MB


@pytest.mark.parametrize("text", [DOCUMENTED, DOCUMENTED.replace("\n", "\r\n"), "\ufeff" + DOCUMENTED, DOCUMENTED.rstrip()])
def test_line_ends_do_not_matter(text: str) -> None:
    assert parse_pdump(text) == parse_pdump(DOCUMENTED)


def test_the_sections_of_who_are_passed_over() -> None:
    listing = parse_pdump(WHO)
    assert listing.complete
    assert listing.modules("test") == {"web", "watchdog", "mta"}


@pytest.mark.parametrize(
    "noise",
    [
        "Welcome to mta1, an Adobe Campaign server\nmta@prod (1) - of last week\n",
        "Ignoring ulimit -c 1000000 - forcing unlimited\n[neolane@mkt:~]$ nlserver pdump\n",
        "C:\\Program Files\\Adobe\\bin>nlserver pdump\r\n",
        "\x1b[1mmotd\x1b[0m\x00\n" * 3,
        "Adobe Campaign (production build 1): authorised use only\n",
    ],
)
def test_noise_before_the_header_is_ignored(noise: str) -> None:
    listing = parse_pdump(noise + DOCUMENTED)
    assert (listing.complete, listing.build, listing.processes) == (True, "XXX", parse_pdump(DOCUMENTED).processes)


def test_a_prompt_after_the_listing_is_no_strange_line() -> None:
    assert parse_pdump(DOCUMENTED + "\r\nC:\\Program Files\\Adobe\\bin>").complete


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no header of nlserver and no 'No tasks' in an empty output"),
        ("\n\n", "no header of nlserver and no 'No tasks' in an empty output"),
        ("bash: nlserver: command not found\n", "the first is 'bash: nlserver: command not found'"),
        ("mta@prod (1) - 9.6 MB\n", "no header"),
        (HEADER + "Segmentation fault\nmta@prod (1) - 9.6 MB\n", "line 2 is not understood: 'Segmentation fault'"),
        (HEADER + "mta@prod (1) - 9.6 MB\nwfserver@prod (12", "line 3 is not understood"),
        (HEADER + "mta@prod (1) - 9.6 M", "may be cut off"),
        (HEADER + "mta@prod, (1) - 9.6 MB\n", "line 2 is not understood: 'mta@prod, (1) - 9.6 MB'"),
        (HEADER.rstrip(), "may be cut off"),
        (HEADER[:80] + "\n", "no header"),
        (HEADER.rstrip() + " mta@prod (1) - 9.6 MB\n", "line 1 is not understood"),
        (HEADER + "mta@prod (1) - 9.6 MB\nNo tasks\n", "the output says 'No tasks' and lists some"),
        (HEADER + "mta@prod (1) - 9.6 MB\n" + HEADER, "line 3 begins a second listing"),
        ("No tasks\nError 12\n", "line 2 is not understood: 'Error 12'"),
        (HEADER + "x" * 5000 + "\n", "…'"),
        (HEADER + "\x1b[31m\x07red\u202e\n", "'[31mred'"),
    ],
)
def test_what_is_strange_proves_nothing_down(text: str, complaint: str) -> None:
    listing = parse_pdump(text)
    assert not listing.complete
    assert listing.complaint is not None
    assert complaint in listing.complaint
    assert len(listing.complaint) < 200
    assert listing.complaint.isprintable()
    assert listing.up("sms", "prod") is None


@pytest.mark.parametrize("text", ["mta@prod (1) - 9 MB\n", HEADER + "?\nmta@prod (1) - 9 MB\n", HEADER + "mta@prod (1) - 9 M"])
def test_a_listed_process_is_up_even_in_a_strange_listing(text: str) -> None:
    assert parse_pdump(text).up("mta", "prod") is True


def test_an_older_listing_in_the_same_file_keeps_nothing_alive() -> None:
    listing = parse_pdump(HEADER + "mta@prod (1) - 9.6 MB\n" + HEADER + "web@default (2) - 9.6 MB\n")
    assert (listing.up("mta", "prod"), listing.up("web", "prod")) == (None, True)


def test_a_long_line_takes_no_time() -> None:
    hostile = "Adobe Campaign (" + " build x" * 200_000 + "\n" + "mta@prod (1) - " + "1," * 500_000
    assert not parse_pdump(hostile).complete


@settings(deadline=None)  # the machine may be busy
@given(st.text())
def test_any_text_is_read_without_failing(text: str) -> None:
    for listing in (parse_pdump(text), parse_pdump(HEADER + text)):
        assert listing.complete is (listing.complaint is None)
        assert listing.complete or listing.up("mta", "prod") is not False
    assert parse_missing(text).up("mta", "prod", autostart=True) is None
    assert parse_missing(HEADER + text).build is not None


LINES = st.lists(
    st.tuples(
        st.sampled_from(["mta", "wfserver", "inMail", "stat", "sms", "web", "watchdog"]),
        st.sampled_from(["@prod", "@other", "@default", ""]),
        st.integers(1, 2**31),
        st.decimals(0, 99_999, places=1),
        st.sampled_from(["MB", "Mb", "Mo"]),
    )
)


@settings(deadline=None)  # the machine may be busy
@given(LINES, st.sampled_from(["\n", "\r\n"]), st.sampled_from("., "))
def test_a_generated_listing_comes_back(lines: list[tuple[str, str, int, float, str]], end: str, mark: str) -> None:
    mark = mark.strip() or "."
    printed = [f"{module}{at} ({pid}) - {size!s} {unit}".replace(".", mark) for module, at, pid, size, unit in lines]
    listing = parse_pdump(end.join([HEADER.rstrip(), *printed, ""]))
    assert listing.complaint is None
    seen = [(each.module, f"@{each.instance}" if each.instance else "", each.pid) for each in listing.processes]
    assert seen == [line[:3] for line in lines]
    assert [each.memory_bytes for each in listing.processes] == [pytest.approx(float(line[3]) * MB) for line in lines]


@settings(deadline=None)  # the machine may be busy
@given(LINES, st.integers(0, 2_000))
def test_a_listing_cut_inside_a_line_proves_nothing_down(lines: list[tuple[str, str, int, float, str]], cut: int) -> None:
    printed = [f"{module}{instance} ({pid}) - {size!s} MB" for module, instance, pid, size, _ in lines]
    text = "\n".join([HEADER.rstrip(), *printed, ""])[:cut]
    whole_lines = text.endswith(("\n", " MB"))
    listing: Listing = parse_pdump(text)
    assert listing.complete is whole_lines


MISSING = HEADER + "inMail@prod\nmta@prod\nweb@default\nwatchdog\nwfserver@other\nmta@default\ninteractiond@default\n"


@pytest.mark.parametrize(
    ("module", "autostart", "up"),
    [
        ("mta", True, False),
        ("inMail", True, False),
        ("inMail", False, False),
        ("web", True, False),
        ("watchdog", True, False),
        ("wfserver", True, True),
        ("wfserver", False, None),
        ("stat", True, True),
        ("interactiond", True, None),
    ],
)
def test_missing_lists_what_is_down(module: str, *, autostart: bool, up: bool | None) -> None:
    listing = parse_missing(MISSING)
    assert (listing.complete, listing.build) == (True, "9364")
    assert listing.up(module, "prod", autostart=autostart) is up


@pytest.mark.parametrize("name", ["p", "prod", "instance1_mkt_stage1", "mkt-1", "a.b", "é"])
def test_names_of_instances_are_read(name: str) -> None:
    assert parse_missing(f"{HEADER}mta@{name}\n").up("mta", name, autostart=True) is False
    assert parse_pdump(f"{HEADER}mta@{name} (1) - 9.6 MB\n").up("mta", name) is True


@pytest.mark.parametrize(
    ("text", "something"),
    [(HEADER, False), (HEADER + "mta@prod (1) - 9.6 MB\n", True), (HEADER + "No tasks\n", True), ("no task\n", True)],
)
def test_a_bare_header_says_nothing(text: str, *, something: bool) -> None:
    assert parse_pdump(text).says_something is something
    assert parse_pdump(text).complete


def test_nothing_missing_is_all_autostart_modules_up() -> None:
    assert parse_missing("noise\n" + HEADER).up("mta", "prod", autostart=True) is True


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no header"),
        ("mta@prod\n", "no header"),
        (HEADER + "mta@prod\ncannot connect\n", "line 3 is not understood"),
        (HEADER + "failure\n", "line 2 is not understood"),
        (HEADER + "mta@prod (1) - 9.6 MB\n", "line 2 is not understood"),
        *((HEADER + f"mta@prod{sign}\n", "line 2 is not understood") for sign in [*",:.*|;", "|web", ", stat"]),
        (HEADER + "mta@.prod\n", "line 2 is not understood"),
        (HEADER + "mta@pr", "may be cut off"),
        (HEADER.rstrip(), "may be cut off"),
    ],
)
def test_a_strange_list_of_missing_modules_proves_nothing(text: str, complaint: str) -> None:
    listing = parse_missing(text)
    assert listing.complaint is not None
    assert complaint in listing.complaint
    assert listing.up("mta", "prod", autostart=True) is None


def test_a_prompt_after_the_missing_modules_is_no_module() -> None:
    assert parse_missing(MISSING + "\n\nC:\\nl6\\bin>").complete
