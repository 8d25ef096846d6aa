"""The configuration: what a user may write, checked, with every problem told at once."""

import ipaddress
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar
from urllib.parse import urlsplit, urlunsplit

import psycopg.conninfo
from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from campaign_exporter.diagnosis.facts import BLOCKED_SECONDS, COPY_SECONDS
from campaign_exporter.document import ConfigurationError, Document, Location, Problem, read_document
from campaign_exporter.sections import FilePath, Section, section_of

T = TypeVar("T")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
_MODULE = re.compile(r"[A-Za-z_]+")
_DAY = 86400.0
_LONGEST_DAYS = 3650
_LONGEST_NAME = 128
#: Adobe's own bound, in seconds (docs: production/using/monitoring-processes.md: "not more than once a minute").
MOST_OFTEN_PING = 60.0
_NO_URL = "must be an http:// or https:// address"


def parse_duration(value: object) -> object:
    """Read `15s`, `1m30s` or a number of seconds, as seconds."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if not isinstance(value, str) or not value or _DURATION.sub("", value):
        raise ValueError("must be a duration such as 15s, 1m30s or 2d")
    return sum(float(number) * _UNITS[unit] for number, unit in _DURATION.findall(value))


def _long_time(seconds: float) -> float:
    if not _DAY <= seconds <= _LONGEST_DAYS * _DAY:
        raise ValueError(f"must be from 1d to {_LONGEST_DAYS}d; a number without unit is seconds")
    return seconds


def _http_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        known = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        # Its message quotes the address, and a password may stand there.
        raise ValueError(_NO_URL) from None
    if not known or not url.isprintable():
        raise ValueError(_NO_URL)
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user or a password")
    return url


def _server_address(text: str) -> str:
    try:
        parts = urlsplit(f"//{text}")
        known = parts.netloc == text and bool(parts.hostname) and parts.port != 0 and "@" not in text
    except ValueError:
        known = False
    if not known or not text.isprintable():
        raise ValueError("must be a server, with a port where that is another: 10.0.0.1, web1:8443 or [::1]:8443")
    return text


def _different(items: tuple[T, ...]) -> tuple[T, ...]:
    if len(set(items)) < len(items):
        raise ValueError("must not name one twice")
    return items


def _metrics_url(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path="/metrics" if parts.path in {"", "/"} else parts.path, fragment=""))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _username(name: str) -> str:
    if not name or not name.isprintable() or ":" in name:
        raise ValueError("must be printable, not empty, and without a colon")
    return name


def _text(value: object) -> object:
    """Accept what YAML reads as a number where text is meant."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _name(value: str) -> str:
    if not 0 < len(value) <= _LONGEST_NAME or not value.isprintable() or set(" @/") & set(value):
        raise ValueError(f"must have 1 to {_LONGEST_NAME} characters, without spaces, @ and /")
    return value


def _module(value: str) -> str:
    if not _MODULE.fullmatch(value):
        raise ValueError("must be a module of nlserver, such as mta")
    return value


def _interval(seconds: float) -> float:
    if not 1 <= seconds <= _DAY:
        raise ValueError("must be from 1s to 1d")
    return seconds


def _not_empty(items: tuple[T, ...]) -> tuple[T, ...]:
    # Not pydantic's min_length: that one also complains of a list whose items are all wrong.
    if not items:
        raise ValueError("must not be empty")
    return items


Seconds = Annotated[float, BeforeValidator(parse_duration), Field(gt=0, le=_DAY, allow_inf_nan=False)]
LongTime = Annotated[float, BeforeValidator(parse_duration), AfterValidator(_long_time)]
Interval = Annotated[float, BeforeValidator(parse_duration), AfterValidator(_interval)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
ServerAddress = Annotated[str, BeforeValidator(_text), AfterValidator(_server_address)]
Name = Annotated[str, BeforeValidator(_text), AfterValidator(_name)]
Argument = Annotated[str, BeforeValidator(_text)]
Module = Annotated[str, AfterValidator(_module)]


class Database(Section):
    """Where Campaign's database is, and who asks."""

    dsn: Annotated[str, Field(repr=False)]
    password_file: FilePath | None = None
    schema_name: Annotated[str, Field(alias="schema", min_length=1, max_length=63)] = "public"
    #: Time zone of timestamps without one, as in option WdbcTimeZone.
    timezone: Annotated[str, Field(pattern=r"^[A-Za-z0-9_+\-/:]+$")] | None = None
    statement_timeout: Annotated[Seconds, Field(ge=0.01)] = 1.0
    lock_timeout: Annotated[Seconds, Field(ge=0.01)] = 0.2
    connect_timeout: Annotated[Seconds, Field(ge=1)] = 3.0

    @field_validator("dsn")
    @classmethod
    def _readable(cls, dsn: str) -> str:
        try:
            given = psycopg.conninfo.conninfo_to_dict(dsn)
        except (psycopg.Error, ValueError):
            # The driver's message quotes the text, and a password may stand there.
            raise ValueError("must be postgresql://user@host:port/database, or key=value pairs") from None
        if not {"dbname", "service"} & given.keys():
            raise ValueError("must name the database, as in postgresql://user@host:port/database")
        return dsn


class Processes(Section):
    """How to learn which processes run: the output of a command, or a file that somebody else fills."""

    command: Annotated[tuple[Argument, ...], AfterValidator(_not_empty)] | None = None
    file: FilePath | None = None
    max_age: Seconds = 120.0
    form: Literal["pdump", "missing"] = "pdump"

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.command is None) == (self.file is None):
            raise ValueError("give either command or file")
        return self


class Agent(Section):
    """Another exporter, beside a host, and who we are to it. `host` and `instance` are their names there, if they differ."""

    url: Annotated[HttpUrl, AfterValidator(_metrics_url)]
    ca_file: FilePath | None = None
    username: Annotated[str, AfterValidator(_username)] | None = None
    password_file: FilePath | None = None
    cert_file: FilePath | None = None
    key_file: FilePath | None = None
    allow_plain_http: bool = False
    host: Name | None = None
    instance: Name | None = None

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if self.plain and not self.allow_plain_http:
            raise ValueError(
                "plain http to another machine: use https, or set allow_plain_http: true in a network that is safe"
            )
        if (self.username is None) != (self.password_file is None):
            raise ValueError("give both username and password_file, or neither")
        if self.key_file is not None and self.cert_file is None:
            raise ValueError("key_file goes with cert_file: add it")
        return self

    @property
    def plain(self) -> bool:
        """Whether all that is said can be read and changed on its way."""
        parts = urlsplit(self.url)
        return parts.scheme == "http" and not _is_loopback(parts.hostname or "")


class Files(Section):
    """Files of Campaign's processes on a host. Where temporary files go (TMPDIR) and where core files lie, sites differ."""

    var: FilePath | None = None
    temporary: FilePath | None = None
    #: Where mta and mtachild exchange files: var/<instance>/mta.
    working: FilePath | None = None
    log: FilePath | None = None
    cores: Annotated[tuple[FilePath, ...], Field(max_length=16)] = ()
    most_files: Annotated[int, Field(ge=1, le=100_000)] = 10_000

    @model_validator(mode="after")
    def _together(self) -> Self:
        if (self.temporary is None) != (self.var is None):
            raise ValueError("give both temporary and var, or neither: they are compared")
        if not (self.temporary or self.working or self.log or self.cores):
            raise ValueError("names nothing to look at: give it temporary and var, working, log or cores")
        return self


class Host(Section):
    """A server that runs Campaign processes."""

    name: Name
    expected_processes: frozenset[Module] | None = None
    processes: Processes | None = None
    configuration: tuple[FilePath, ...] = ()
    directories: Mapping[Name, FilePath] = Field(default_factory=dict)
    files: Files | None = None
    agent: Agent | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        others = {"expected_processes", "processes", "configuration", "directories", "files"} & self.model_fields_set
        if self.agent is not None and others:
            raise ValueError(f"agent tells all about a host: give {', '.join(sorted(others))} to the agent, and remove it here")
        return self


class Endpoint(Section):
    """An HTTP address that tells about the platform, asked at each of `addresses` where there are several servers behind it."""

    name: Name
    kind: Literal["redirection", "ping", "resource"]
    url: HttpUrl
    session_token_file: FilePath | None = None
    ca_file: FilePath | None = None
    addresses: Annotated[tuple[ServerAddress, ...], Field(max_length=64), AfterValidator(_different)] = ()
    #: How a resource's type must begin; None goes by the name of the file.
    content_type: Annotated[str, Field(max_length=100, pattern=r"^[\x21-\x7e]*$")] | None = None

    @model_validator(mode="after")
    def _token(self) -> Self:
        if self.session_token_file is not None and self.kind != "ping":
            raise ValueError("session_token_file goes with kind ping only: remove it")
        if self.content_type is not None and self.kind != "resource":
            raise ValueError("content_type goes with kind resource only: remove it")
        return self


class Throughput(Section):
    """Where the message counters come from."""

    source: Literal["auto", "delivery_stat", "delivery_counters"] = "auto"
    volume_unit_bytes: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0


class Instance(Section):
    """One Campaign instance."""

    name: Name
    nlserver_instance: Name | None = None
    role: Literal["standalone", "marketing", "mid-sourcing", "execution"] = "standalone"
    database: Database | None = None
    hosts: tuple[Host, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    throughput: Throughput = Throughput()
    #: Affinities that are meant for some hosts only, such as that of an SMS container.
    single_host_affinities: frozenset[str] = frozenset()

    @property
    def nlserver_name(self) -> str:
        """The name behind the @ in nlserver's listings."""
        return self.nlserver_instance or self.name

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if not (self.database or self.hosts or self.endpoints):
            raise ValueError("has nothing to watch: give it a database, hosts or endpoints")
        return self


class CollectorSettings(Section):
    """When a collector runs."""

    enabled: bool = True
    interval: Interval = 15.0
    timeout: Annotated[Seconds, Field(ge=0.1)] | None = None

    @property
    def deadline(self) -> float:
        """Seconds that a round may take."""
        return self.timeout if self.timeout is not None else min(10.0, self.interval)

    @model_validator(mode="after")
    def _in_time(self) -> Self:
        if self.timeout is not None and self.timeout > self.interval:
            raise ValueError("timeout is longer than interval: a round must end before the next")
        return self


class HalfMinutelySettings(CollectorSettings):
    """When a collector runs that may run a little less often."""

    interval: Interval = 30.0


class EndpointSettings(HalfMinutelySettings):
    """When endpoints are asked, and how often at most those of kind ping are."""

    ping_interval: Interval = MOST_OFTEN_PING


class MinutelySettings(CollectorSettings):
    """When a collector runs that need not run often."""

    interval: Interval = 60.0


class HygieneSettings(CollectorSettings):
    """When what is left behind is looked at: it grows by the day."""

    interval: Interval = 600.0


class PendingSettings(CollectorSettings):
    """When the pending deliveries are looked at, and how many of them are shown one by one."""

    table_size: Annotated[int, Field(ge=0, le=1000)] = 50
    #: Sessions that wait for longer than this on a sending table hang the sending.
    database_blocked_after: Seconds = BLOCKED_SECONDS
    #: What was copied from a mid-sourcing server longer ago than this is stale.
    mid_sourcing_stale_after: Seconds = COPY_SECONDS


class OutlookSettings(HalfMinutelySettings):
    """When what is under way and to come is looked at, over what time rates are measured, and what is large."""

    table_size: Annotated[int, Field(ge=0, le=1000)] = 50
    rate_window: Annotated[Seconds, Field(ge=10)] = 1800.0
    large_delivery: Annotated[int, Field(ge=1)] = 10_000


class DeliverabilitySettings(MinutelySettings):
    """When the error statistics of mail servers are looked at, over which time, and how many paths are shown one by one."""

    window: Annotated[Seconds, Field(ge=600)] = 3600.0
    table_size: Annotated[int, Field(ge=0, le=500)] = 50


class WorkflowSettings(MinutelySettings):
    """When the workflows are looked at, and which ones beside Adobe's own, by internal name, are watched as technical ones."""

    also: Annotated[frozenset[str], Field(max_length=100)] = frozenset()


class MaintenanceSettings(MinutelySettings):
    """When transactions, sequences and events are looked at, and how long an event may take to be processed."""

    events_stuck_after: Seconds = 900.0


class MessagesSettings(HalfMinutelySettings):
    """When the delivery logs are read, how much of them at once, and how late a row may come."""

    max_rows: Annotated[int, Field(ge=100, le=100_000)] = 10_000
    #: Covers the longest transaction that writes delivery logs, and by how much the clocks of servers differ.
    overlap: Annotated[Seconds, Field(ge=10, le=3600)] = 300.0
    #: Domains of recipients that are counted one by one.
    domains: Annotated[int, Field(ge=0, le=200)] = 20


class TrackingSettings(MinutelySettings):
    """When tracking is looked at, and whether the tracked links of new deliveries are: their index is not on every instance."""

    links: bool = True


class RecipientsSettings(MinutelySettings):
    """Whether recipients are counted one by one, how many in a round, and after what time without a log one is inactive."""

    enabled: bool = False
    rows: Annotated[int, Field(ge=1, le=10_000)] = 1000
    inactive_after: LongTime = 180 * _DAY


class Collectors(Section):
    """The collectors. An interval suits production unless told otherwise."""

    deliveries: CollectorSettings = Field(default_factory=CollectorSettings)
    pending: PendingSettings = Field(default_factory=PendingSettings)
    processes: CollectorSettings = Field(default_factory=CollectorSettings)
    affinity: CollectorSettings = Field(default_factory=CollectorSettings)
    throughput: HalfMinutelySettings = Field(default_factory=HalfMinutelySettings)
    endpoints: EndpointSettings = Field(default_factory=EndpointSettings)
    disks: MinutelySettings = Field(default_factory=MinutelySettings)
    database: CollectorSettings = Field(default_factory=CollectorSettings)
    outlook: OutlookSettings = Field(default_factory=OutlookSettings)
    deliverability: DeliverabilitySettings = Field(default_factory=DeliverabilitySettings)
    files: MinutelySettings = Field(default_factory=MinutelySettings)
    workflows: WorkflowSettings = Field(default_factory=WorkflowSettings)
    maintenance: MaintenanceSettings = Field(default_factory=MaintenanceSettings)
    hygiene: HygieneSettings = Field(default_factory=HygieneSettings)
    messages: MessagesSettings = Field(default_factory=MessagesSettings)
    tracking: TrackingSettings = Field(default_factory=TrackingSettings)
    recipients: RecipientsSettings = Field(default_factory=RecipientsSettings)

    def of(self, name: str) -> CollectorSettings:
        """Give the settings of a collector by its name."""
        settings: CollectorSettings = getattr(self, name)
        return settings


class Budget(Section):
    """What the exporter may cost."""

    database_seconds_per_minute: Annotated[float, Field(gt=0, le=60)] = 0.6


def _state_directory(value: object) -> object:
    return None if value == "none" else value


class Config(Section):
    """The whole file."""

    instances: Annotated[tuple[Instance, ...], AfterValidator(_not_empty)]
    collectors: Collectors = Collectors()
    budget: Budget = Budget()
    #: None switches the state off.
    state_directory: Annotated[FilePath | None, BeforeValidator(_state_directory)] = Field(
        default_factory=lambda: default_state_directory(os.environ)
    )


def default_state_directory(environment: Mapping[str, str]) -> Path:
    """Find where the state goes when the file does not say: systemd's directory, then the user's own."""
    if given := environment.get("STATE_DIRECTORY"):
        return Path(given.split(":")[0])
    if given := environment.get("XDG_STATE_HOME"):
        return Path(given) / "campaign-exporter"
    try:
        return Path.home() / ".local" / "state" / "campaign-exporter"
    except RuntimeError:  # a container with a user id of its own choosing
        return Path("/var/lib/campaign-exporter")


def load_config(file: Path, environment: Mapping[str, str] = os.environ) -> Config:
    """Read and check a configuration file; raise ConfigurationError with every problem in it."""
    document = read_document(file, environment)
    if not isinstance(document.data, dict):
        raise ConfigurationError([*document.problems, document.problem((), "must be a mapping that begins with `instances:`")])
    config = section_of(Config, document)
    document.problems += _all_doubles(document)
    if document.problems or config is None:
        raise ConfigurationError(document.problems)
    return config


def _doubles(document: Document, what: str, location: Location, items: object) -> Iterator[Problem]:
    """Find names that stand twice, whatever else is wrong: pydantic would tell only once all else is right."""
    named = [item.get("name") for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    doubles = [name for name, count in Counter(str(name) for name in named if name is not None).items() if count > 1]
    if doubles:
        yield document.problem(location, f"two {what}s are called {', '.join(sorted(doubles))}: names must differ")


def _all_doubles(document: Document) -> Iterator[Problem]:
    instances = document.data.get("instances")
    yield from _doubles(document, "instance", ("instances",), instances)
    for number, instance in enumerate(instances if isinstance(instances, list) else ()):
        if isinstance(instance, dict):
            for key in ("hosts", "endpoints"):
                yield from _doubles(document, key[:-1], ("instances", number, key), instance.get(key))
