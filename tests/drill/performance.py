"""One scene on its stage: the fault, the alert, the notification, who is told, what stays silent, and the end."""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, TypeVar

import yaml

from alerting.target import SHIPPED
from campaign_alerts.rule import Alert
from drill.compressed import alerts
from drill.scene import Scene
from drill.site import NO_BUDGET, Site
from drill.stack import Line, Stack

T = TypeVar("T")
#: Placeholders, or what a template makes of something that is not there.
_BROKEN = re.compile(r"<no value>|\{\{|\}\}|%!|an unknown number|error executing|<error")
_LOOK_SECONDS = 0.2


class Notice(NamedTuple):
    """A notification as it arrived, whatever the way."""

    at: float
    receiver: str
    title: str
    text: str
    over: bool


class Failed(AssertionError):
    """A scene did not go as it must; the message says how."""


@dataclass
class Result:
    """What was measured: moments in seconds since 1970, and the notification as a person reads it."""

    scene: Scene
    fault: float
    seen: float = 0.0
    firing: float = 0.0
    notified: float = 0.0
    cleared: float = 0.0
    ended: float = 0.0
    withdrawn: float = 0.0
    notice: Notice | None = None
    chat: Notice | None = None
    problems: list[str] = field(default_factory=list)


def rule_of(scene: Scene, among: Iterable[Alert]) -> Alert:
    """Find the rule that is to fire: names stand several times."""

    def fits(rule: Alert) -> bool:
        same = (rule.name, rule.severity, rule.team) == (scene.alert, scene.severity, scene.team)
        return same and all(scene.labels.get(name, value) == value for name, value in rule.labels.items())

    (rule,) = [rule for rule in among if fits(rule)]
    return rule


class Performance:
    """Plays a scene on a site."""

    def __init__(self, stack: Stack, site: Site, scene: Scene, *, briefly: bool = False) -> None:
        self.stack, self.site, self.scene = stack, site, scene
        self._briefly = briefly
        self._rule = rule_of(scene, alerts(stack.values))
        self._begin = self._cleared = 0.0

    def play(self) -> Result:
        self.site.leave_one_exporter()
        self._wait("the site is not quiet", self._quiet, 180)
        if self.scene.delay:
            self.site.fault("alert-delay", "1")
        if self.scene.budget is not None:
            self.site.allow(self.scene.budget)
        try:
            return self._play()
        finally:
            if self.scene.delay:
                self.site.clear("alert-delay")
            if self.scene.budget is not None:
                self.site.allow(NO_BUDGET)

    def _play(self) -> Result:
        result = Result(self.scene, time.time())
        self._begin = result.fault
        with self.scene.act(self.site):
            result.fault = self.site.fault_at
            result.notice = self._wait("nobody was told", lambda: self._told(over=False), self.scene.limit)
            result.chat = self._wait("the chat was not told", lambda: self._chat(over=False), 60)
            result.notified = min(result.notice.at, result.chat.at) if self.scene.severity == "info" else result.notice.at
            if not self._briefly:
                for name, cause in self.scene.muted:
                    self._wait(f"{name} {cause} is not muted", partial(self._muted, name, cause), self.scene.limit)
            lines = self._lines()
            cleared = time.time()
        result.cleared = self._cleared = cleared
        self._wait("nobody was told that it is resolved", lambda: self._told(over=True), self.scene.limit)
        result.withdrawn = self._told(over=True).at  # type: ignore[union-attr]  # it is there
        lines = self._lines()
        self._measure(result, lines)
        self._judge(result, lines)
        return result

    def _quiet(self) -> bool:
        instance = f'campaign_instance="{self.site.name}"'
        seen = self.stack.query(f"ALERTS{{{instance}}}")
        up = self.stack.query(f"campaign_up{{{instance}}} == 1")
        return bool(up) and not seen and not self.stack.states(self.site.name)

    def _lines(self) -> list[Line]:
        own = self.stack.lines(f'campaign_instance="{self.site.name}"', self._begin, time.time())
        return own + self.stack.lines(
            f'campaign_instance="",instance=~"{"|".join(self.site.addresses)}"', self._begin, time.time()
        )

    def _own(self, lines: Iterable[Line]) -> list[Line]:
        """Give what the scene is about."""
        wanted = {
            "alertname": self.scene.alert,
            "severity": self.scene.severity,
            "team": self.scene.team,
            **self._rule.labels,
            **self.scene.labels,
        }
        if self.scene.labels.get("scope") != "target":
            wanted["campaign_instance"] = self.site.name
        return [
            line
            for line in lines
            if {name: value for name, value in line.labels.items() if name not in self.scene.free} == wanted
            and self.scene.free <= line.labels.keys()
        ]

    def _measure(self, result: Result, lines: list[Line]) -> None:
        own = [line for line in self._own(lines) if line.firing]
        if not own:
            labels = [dict(line.labels) for line in lines if line.name == self.scene.alert]
            raise Failed(f"{self.scene.name}: no alert has exactly the labels that it must; there are {labels}")
        result.seen = min(line.seen for line in own)
        result.firing = min(min(line.firing) for line in own)
        result.ended = max(max(line.firing) for line in own)

    def _judge(self, result: Result, lines: list[Line]) -> None:
        """Note what is wrong: another alert, words that are missing."""
        allowed = {self.scene.alert, *self.scene.beside, *(name for name, _ in self.scene.muted)}
        for line in lines:
            if line.firing and line.name not in allowed:
                result.problems.append(f"{line.name} fired as well: {dict(line.labels)}")
        for name, cause in self.scene.muted:
            told = [
                each for each in self._notices() if not each.over and each.receiver != "chat" and self._tells(each, name, cause)
            ]
            result.problems += [f"{name} {cause} was told though it is muted: {each.title}" for each in told]
        for notice in (result.notice, result.chat):
            if notice is not None:
                result.problems += self._faults_of(notice)

    def _faults_of(self, notice: Notice) -> list[str]:
        wrong = []
        if broken := _BROKEN.search(notice.text):
            wrong.append(f"the text for {notice.receiver} holds {broken.group()!r}")
        if not re.search(self.scene.text, notice.text, re.DOTALL):
            wrong.append(f"the text for {notice.receiver} lacks {self.scene.text!r}: {notice.text}")
        if f"/{self.scene.alert}.md" not in notice.text:
            wrong.append(f"the text for {notice.receiver} lacks the runbook")
        return wrong

    def _receiver(self) -> str:
        return {"critical": "pager", "warning": "mail", "info": "chat"}[self.scene.severity] + (
            f"-{self.scene.team}" if self.scene.severity != "info" else ""
        )

    def _told(self, *, over: bool) -> Notice | None:
        return self._first(self._receiver(), over=over)

    def _chat(self, *, over: bool) -> Notice | None:
        return self._first("chat", over=over)

    def _first(self, receiver: str, *, over: bool) -> Notice | None:
        found = [
            n
            for n in self._notices()
            if n.receiver == receiver
            and n.over == over
            # That another one of the same words is over may be told late.
            and n.at >= (self._cleared if over else self._begin)
            and self._tells(n, self.scene.alert, self.scene.labels.get("cause", ""))
        ]
        return found[0] if found else None

    def _tells(self, notice: Notice, alert: str, cause: str) -> bool:
        about = self.site.name in notice.title + notice.text or any(address in notice.text for address in self.site.addresses)
        if notice.over:
            return about and self._rule.summary.split(":")[0] in notice.text + notice.title
        return (
            about
            and (f"/{alert}.md" in notice.text)
            and (alert != "CampaignDeliveryStuckPending" or f".md#{cause}" in notice.text)
        )

    def _notices(self) -> list[Notice]:
        return [notice for notice in notices(self.stack) if notice.at >= self._begin]

    def _muted(self, alert: str, cause: str) -> bool:
        return any(
            state.state == "suppressed" and state.inhibited_by
            for state in self.stack.states(self.site.name)
            if state.labels["alertname"] == alert and state.labels.get("cause") == cause
        )

    def _wait(self, complaint: str, look: Callable[[], T | None], seconds: float) -> T:
        end = time.monotonic() + seconds
        while True:
            seen = look()
            if seen:
                return seen
            if time.monotonic() > end:
                fired = (
                    {(line.name, "firing" if line.firing else "pending") for line in self._lines()}
                    if self._begin
                    else self.stack.states(self.site.name)
                )
                raise Failed(f"{self.scene.name}: {complaint} within {seconds:.0f} s; there were {fired or 'no alerts'}")
            time.sleep(_LOOK_SECONDS)


def notices(stack: Stack) -> list[Notice]:
    """Give all that arrived, in one form."""
    found = []
    for page in stack.sinks.pages():
        told = [str(detail) for key, detail in page.details.items() if not key.startswith("num_")]  # Alertmanager's own counts
        text = "\n".join([*told, *(f"{name}: {link}" for name, link in page.links.items())])
        found.append(Notice(page.at, page.routing_key, page.title, text, page.action == "resolve"))
    found += [
        Notice(message.at, "chat", message.title, message.text, message.title.startswith("✅"))
        for message in stack.sinks.messages()
    ]
    boxes = _mailboxes()
    found += [
        Notice(mail.at, boxes[mail.to[0]], mail.subject, mail.text, mail.subject.startswith("[resolved]"))
        for mail in stack.sinks.mails()
    ]
    return found


def _mailboxes() -> Mapping[str, str]:
    configuration = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    return {
        email["to"]: receiver["name"]
        for receiver in configuration["receivers"]
        if receiver["name"] != "default"
        for email in receiver.get("email_configs", [])
    }
