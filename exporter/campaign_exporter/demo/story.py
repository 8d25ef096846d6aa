"""The incident that the demo tells, and how it is told."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import requests
from rich.console import Console
from rich.markup import escape

from campaign_exporter.config import parse_duration
from campaign_exporter.demo.readings import Pending, Rate, Reading, rate, read
from campaign_exporter.demo.stage import Stage, StageError

_AFFINITY = "spring.fr"
_LOOK_SECONDS = 2.0
_TELL_SECONDS = 10.0
_RATE_SECONDS = 30.0
_MOMENT = 10.0
_NEVER_ALARM = frozenset({"scheduled", "waiting_wave", "waiting_retry"})


@dataclass(frozen=True, slots=True)
class Act:
    """Something that happens `at` seconds into the story, and the cause that the exporter is to name (or to drop)."""

    at: float
    title: str
    do: Callable[[Stage], None]
    appears: str | None = None
    disappears: str | None = None


STORY = (
    Act(
        10,
        "A large delivery is scheduled in an hour. It will wait, and must alarm nobody.",
        lambda stage: stage.set_fault("delivery-scheduled", "1h"),
        appears="scheduled",
    ),
    Act(
        25,
        f"Two deliveries are launched with the IP affinity {_AFFINITY}, which no server declares.",
        lambda stage: stage.set_fault("affinity-undeclared", _AFFINITY),
        appears="affinity_unconfigured",
    ),
    Act(
        55,
        f"{_AFFINITY} is added to IPAffinity on mta1 and mta2.",
        lambda stage: stage.clear_fault("affinity-undeclared", _AFFINITY),
        disappears="affinity_unconfigured",
    ),
    Act(80, "mta@prod stops on all servers.", lambda stage: stage.set_fault("mta-down"), appears="mta_down"),
    Act(
        115,
        "mta@prod is started again on all servers.",
        lambda stage: stage.clear_fault("mta-down"),
        disappears="mta_down",
    ),
)
_STORY_ENDS = 150.0


def run_demo(address: str, duration: str | None) -> int:
    """Run the demo until interrupted, or for a duration; give the exit status."""
    console = Console(highlight=False, soft_wrap=True)
    try:
        seconds = None if duration is None else float(str(parse_duration(duration)))
    except ValueError as error:
        console.print(f"--duration {escape(str(duration))}: {error}")
        return 2
    try:
        with Stage(address) as stage:
            Teller(console, stage).tell(seconds)
    except KeyboardInterrupt:
        console.print("\nended")
    except StageError as error:
        console.print(f"[bold red]{escape(str(error))}[/]")
        return 1
    return 0


class Teller:
    """Plays the story, and tells what /metrics makes of it."""

    def __init__(self, console: Console, stage: Stage) -> None:
        self._console = console
        self._stage = stage
        self._began = time.monotonic()
        self._readings: deque[Reading] = deque()

    def tell(self, seconds: float | None) -> None:
        """Start everything, then play."""
        self._say("[bold]Starting a simulated Campaign instance: PostgreSQL, two MTA servers, a day of history.[/]")
        self._stage.start_simulator()
        self._stage.start_exporter()
        self._stage.start_alertmanager()
        self._stage.start_prometheus()
        self._say(f"Metrics     {self._stage.metrics_url}")
        self._say(f"Prometheus  {self._stage.prometheus or 'not installed: apt install prometheus shows graphs, too'}")
        if self._stage.alerts:
            self._say(f"Alerts      {self._stage.alertmanager or f'{self._stage.prometheus}/alerts'}")
        self._say(f"Ask it      .venv/bin/campaign-exporter why --all --config.file {self._stage.configuration}")
        self._say("[dim]The instance sends all the time: some deliveries always wait for their date, or for a retry.[/]")
        self._play(seconds)

    def _play(self, seconds: float | None) -> None:
        began = told = time.monotonic()
        acts, awaited, over = deque(STORY), deque[Act](), False
        while seconds is None or time.monotonic() - began < seconds:
            now = time.monotonic() - began
            if acts and now >= acts[0].at:
                act = acts.popleft()
                self._say(f"[bold yellow]▶ {escape(act.title)}[/]")
                act.do(self._stage)
                awaited.append(act)
            self._look()
            self._tell_what_was_awaited(awaited)
            if time.monotonic() - told >= _TELL_SECONDS:
                told = time.monotonic()
                self._tell_state()
            if not over and now > _STORY_ENDS:
                over = True
                self._say("[bold]That was the story. [/]The instance goes on sending; Ctrl-C ends it.")
                if self._stage.alerts:
                    fault = f".venv/bin/campaign-simulator fault mta-down --directory {self._stage.directory}"
                    self._say(f"For a page within five minutes: {fault}")
            time.sleep(_LOOK_SECONDS)

    def _look(self) -> None:
        self._stage.check()
        try:
            self._readings.append(read(self._stage.metrics_url))
        except requests.RequestException as error:
            raise StageError(f"{self._stage.metrics_url} does not answer: {type(error).__name__}") from None
        while self._readings[-1].at - self._readings[0].at > _RATE_SECONDS:
            self._readings.popleft()

    def _tell_what_was_awaited(self, awaited: deque[Act]) -> None:
        reading = self._readings[-1]
        while awaited:
            act = awaited[0]
            if act.appears and (found := reading.waiting_for(act.appears)):
                colour = "green" if act.appears in _NEVER_ALARM else "red"
                mark = "waits, and that is right" if act.appears in _NEVER_ALARM else "stuck"
                self._say(
                    f'[bold {colour}]◆ campaign_deliveries_pending{{cause="{found.cause}"}} {found.deliveries}  [/]'
                    f"{mark}: {found.messages:,} messages"
                )
            elif act.disappears and not reading.waiting_for(act.disappears):
                self._say(
                    f'[bold green]◆ campaign_deliveries_pending{{cause="{act.disappears}"}} 0  [/]nothing waits for it now'
                )
            else:
                return
            awaited.popleft()

    def _tell_state(self) -> None:
        reading = self._readings[-1]
        flow = rate(self._readings[0], reading) if len(self._readings) > 1 else Rate(0, 0)
        waits = ", ".join(f"{one.cause} {one.deliveries}" for one in reading.pending if not _just_launched(one)) or "nothing"
        self._say(
            f"[dim]{flow.messages_per_hour:>9,.0f} messages/h  {flow.bits_per_second / 1e6:5.1f} Mbit/s"
            f"  MTAs {reading.mtas_up}/{reading.mtas}  pending: {waits}[/]"
        )

    def _say(self, text: str) -> None:
        elapsed = int(time.monotonic() - self._began)
        self._console.print(f"[cyan]{elapsed // 60}:{elapsed % 60:02d}  [/]{text}")


def _just_launched(pending: Pending) -> bool:
    """Tell whether deliveries wait for nothing but the MTA's next look, which takes it a moment."""
    return pending.cause == "unknown" and pending.oldest is not None and time.time() - pending.oldest < _MOMENT
