"""How pages, chat messages and mails read: for one alert, for many, and for whatever somebody may type."""

import os
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import yaml

from alerting.sinks import Page, Sinks
from alertmanager.check_inhibition import Alertmanager, Labels
from integration.alertmanager import scenes
from integration.alertmanager.scenes import EXTERNAL_URL, Alert, fire, resolve
from integration.alertmanager.test_notifications import mail_of, message_of, pages_of

TRANSCRIPTS = Path(__file__).parent / "transcripts"
DOCUMENT = Path(__file__).resolve().parents[3] / "docs/notifications.md"


def accept(name: str, *parts: str) -> None:
    """Compare a text with the one that somebody has read and found good, whatever the clock says."""
    file = TRANSCRIPTS / name
    found = re.sub(r"\d\d:\d\d UTC, \d{1,2} \w{3}", "14:05 UTC, 18 Nov", "\n".join(parts).rstrip("\n") + "\n")
    found = re.sub(r"\d\d:\d\d(?=\N{EN DASH})", "13:18", found)
    if os.environ.get("ACCEPT_TRANSCRIPTS"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(found, encoding="utf-8")
    assert found == file.read_text("utf-8"), f"if it reads well, run ACCEPT_TRANSCRIPTS=1 pytest {Path(__file__).name}"


def whole(page: Page) -> tuple[str, ...]:
    text = page.details["firing"] or page.details["resolved"]
    assert is_text(text)
    return (page.title, "", text, "", *(f"{name}: {address}" for name, address in page.links.items()))


def is_text(detail: str) -> bool:
    """Tell whether newer Alertmanagers, which read the details of a page as YAML, leave this one as it is."""
    try:
        return isinstance(yaml.safe_load(detail), str)
    except yaml.YAMLError:
        return True


def test_one_alert_and_that_it_is_over(alertmanager: Alertmanager, sinks: Sinks) -> None:
    here = (scenes.all_mtas_down("prod"), scenes.memory_high("ticket"))
    fire(alertmanager, *here)
    (page,), message, mail = sinks.wait(lambda: pages_of(sinks, "prod")), message_of(sinks, "prod"), mail_of(sinks, "ticket")
    accept("page.txt", *whole(page))
    accept("chat.txt", message.title, "", message.text)
    accept("mail.txt", mail.subject, "", mail.text)
    accept("mail.html", mail.html)
    resolve(alertmanager, *here)
    end = sinks.first(lambda: pages_of(sinks, "prod"), lambda page: page.action == "resolve")
    assert end.dedup_key == page.dedup_key, "the page closes that was opened"
    message, mail = message_of(sinks, "prod", "✅"), mail_of(sinks, "ticket", "Resolved")
    accept("page-resolved.txt", *whole(end))
    accept("chat-resolved.txt", message.title, "", message.text)
    accept("mail-resolved.txt", mail.subject, "", mail.text)


@pytest.mark.parametrize("name", ["page.txt", "mail.txt"])
def test_the_documents_show_what_is_sent(name: str) -> None:
    shown = re.findall(r"^```text\n(.*?)^```$", DOCUMENT.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    sent = (TRANSCRIPTS / name).read_text("utf-8")
    assert any(sent.startswith(text) for text in shown), f"{DOCUMENT.name} has no example that {name} begins with"


def test_thirty_alerts(alertmanager: Alertmanager, sinks: Sinks) -> None:
    fire(
        alertmanager,
        *(scenes.memory_high("many", f"mta{number:02}") for number in range(1, 28)),
        *(scenes.awaiting_approval("many").but(host=f"app{number}") for number in range(1, 3)),
        scenes.all_mtas_down("many"),
        *(scenes.unconfigured("pages", f"retail.{number:02}") for number in range(1, 31)),
    )
    page = sinks.first(lambda: pages_of(sinks, "pages"), lambda page: page.title.endswith(" 29 more"))
    message = sinks.first(sinks.messages, lambda message: message.title.startswith("🔴 many: ") and "20 more" in message.text)
    mail = sinks.first(sinks.mails, lambda mail: mail.subject.startswith("[warning] many: ") and "26 more" in mail.subject)
    accept("page-many.txt", *whole(page))
    accept("chat-many.txt", message.title, "", message.text)
    accept("mail-many.txt", mail.subject, "", mail.text)
    assert len(page.details["firing"]) < 3_000
    assert len(message.text) < 4_000, "Slack cuts longer ones"
    assert mail.html.count(">Runbook</a>") == 5


HOSTILE = {
    "quotes": "\"'`\\ {{ .Labels }} {{",
    "lines": "first\nsecond\r\n\tthird\u2028fourth",
    "emoji": "👩‍👩‍👧 🚀",
    "direction": "\u202egnp.exe \u2066\u200f שלום",
    "markup": "<script>alert(1)</script><!channel> <@U1> & &lt; <https://evil.example|click>",
    "long": "a" * 256,
    "long and wide": "\N{ROCKET}" * 256,
    "spaces": "a+b %2F 100% #?&=",
    "yaml": "key: value\n- [&a, *a]",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_whatever_somebody_types(what: str, alertmanager: Alertmanager, sinks: Sinks) -> None:
    text, instance = HOSTILE[what], f"hostile-{what.replace(' ', '-')}"
    base = scenes.memory_high(instance)
    annotations = {
        **base.annotations,
        "summary": text,
        "description": f"{instance}: {text}\n- 1h: {text} (12)",
        "next": text,
        "dashboard_url": f"https://grafana.example/{text}",
    }
    ticket = Alert({**base.labels, "affinity": text}, annotations, base.since)
    page_too = ticket.but(severity="critical", cause=text)
    fire(alertmanager, ticket, page_too)
    (page,), message, mail = (
        sinks.wait(lambda: pages_of(sinks, instance)),
        message_of(sinks, instance),
        mail_of(sinks, instance),
    )

    assert is_text(page.details["firing"])
    for each in (page.title, page.details["firing"], message.title, message.text, mail.subject, mail.text):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]", each)
        assert len(each) < 12_000
    assert "\n" not in page.title + message.title + mail.subject
    assert not re.search(r"<(?!https?://[^\s<>|]+\|(Runbook|Dashboard|Silence)>)", message.text), "Slack would act on it"

    reader = Reader()
    reader.feed(mail.html)
    assert reader.tags <= {"html", "head", "meta", "title", "body", "div", "b", "bdi", "code", "a"}
    assert all(re.match(r"https?://", link) for link in reader.links)

    def silenced(*links: str) -> list[list[Labels]]:
        return [matching(alertmanager, link) for link in links]

    assert silenced(page.links["Silence this page"]) == [[page_too.labels]]
    assert silenced(*re.findall(r"<(\S+)\|Silence>", message.text)) == [[page_too.labels], [ticket.labels]]
    assert silenced(*re.findall(r"Silence: (\S+)", mail.text)) == [[ticket.labels]]
    assert silenced(*(link for link in reader.links if "/silences/" in link)) == [[ticket.labels]]


class Reader(HTMLParser):
    """Read the elements and links of a mail, as whoever displays it does."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]


def matching(alertmanager: Alertmanager, link: str) -> list[Labels]:
    """Follow a link to the form for a silence, and give the alerts that it would silence."""
    assert link.startswith(f"{EXTERNAL_URL}/#/")
    fragment = urlsplit(link).fragment
    assert fragment.startswith("/silences/new?filter=")
    assert "+" not in fragment, "the form takes a plus sign for a plus sign"
    (filter_,) = parse_qs(urlsplit(fragment).query, strict_parsing=True)["filter"]
    assert filter_[0] + filter_[-1] == "{}"
    matchers = re.findall(r'\w+=~?"[^"\\]*"', filter_)
    assert "{" + ",".join(matchers) + "}" == filter_, "the form cannot read it"
    query = "&".join(f"filter={quote(matcher)}" for matcher in matchers)
    return [alert["labels"] for alert in alertmanager.request("GET", f"/api/v2/alerts?{query}")]
