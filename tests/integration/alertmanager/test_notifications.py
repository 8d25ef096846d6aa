"""Who is told what, and when: the shipped routes and templates, a real Alertmanager, and sinks that take what it sends."""

import time
from collections.abc import Mapping

from alerting.sinks import Beat, Mail, Message, Page, Sinks
from alertmanager.check_inhibition import Alertmanager
from integration.alertmanager import scenes
from integration.alertmanager.scenes import FASTER, Alert, fire, resolve

#: The shipped waits of pager and chat, of mail, and between two signs of life.
WAIT, MAIL_WAIT, BEAT = 30 / FASTER, 60 / FASTER, 60 / FASTER
_SLACK = 5.0


def pages_of(sinks: Sinks, instance: str) -> list[Page]:
    return [page for page in sinks.pages() if page.body["payload"]["source"] == instance]


def message_of(sinks: Sinks, instance: str, words: str = "") -> Message:
    return sinks.first(sinks.messages, lambda message: f" {instance}: " in message.title and words in message.text)


def mail_of(sinks: Sinks, instance: str, words: str = "") -> Mail:
    return sinks.first(sinks.mails, lambda mail: f"] {instance}: " in mail.subject and words in mail.text)


def by_cause(pages: list[Page]) -> Mapping[str, Page]:
    return {page.body["payload"]["class"]: page for page in pages}


def test_a_critical_alert_pages_its_team_and_tells_chat(alertmanager: Alertmanager, sinks: Sinks) -> None:
    posted = time.time()
    fire(alertmanager, scenes.all_mtas_down("red"))
    (page,), message = sinks.wait(lambda: pages_of(sinks, "red")), message_of(sinks, "red")
    assert (page.routing_key, page.action, page.body["payload"]["severity"]) == ("pager-platform", "trigger", "critical")
    assert WAIT <= page.at - posted < WAIT + _SLACK
    assert WAIT <= message.at - posted < WAIT + _SLACK


def test_a_warning_becomes_a_ticket_by_mail_and_tells_chat(alertmanager: Alertmanager, sinks: Sinks) -> None:
    posted = time.time()
    fire(alertmanager, scenes.memory_high("amber"))
    mail = mail_of(sinks, "amber")
    assert mail.to == ("campaign-platform@campaign.example",)
    assert mail.subject == "[warning] amber: A process takes more memory than Campaign allows (host mta1, process mta)"
    assert mail.headers["Auto-Submitted"] == "auto-generated"
    assert mail.login == ("alertmanager", "smtp-password"), "the password is what the file holds"
    assert MAIL_WAIT <= mail.at - posted < MAIL_WAIT + _SLACK
    assert message_of(sinks, "amber").title.startswith("🟠 ")
    assert not pages_of(sinks, "amber")


def test_a_note_is_for_chat_only(alertmanager: Alertmanager, sinks: Sinks) -> None:
    fire(alertmanager, scenes.awaiting_approval("blue"), scenes.memory_high("beside-blue"))
    assert message_of(sinks, "blue").title.startswith("🔵 ")
    mail_of(sinks, "beside-blue")
    assert not [mail for mail in sinks.mails() if "] blue: " in mail.subject]
    assert not pages_of(sinks, "blue")


def test_another_cause_rings_though_a_page_is_open(alertmanager: Alertmanager, sinks: Sinks) -> None:
    fire(alertmanager, scenes.stuck("causes", "parts_orphaned"))
    sinks.wait(lambda: pages_of(sinks, "causes"))
    fire(alertmanager, scenes.stuck("causes", "account_inactive", "campaign"), scenes.unconfigured("causes", "retail.fr"))
    pages = sinks.wait(lambda: pages if len(pages := by_cause(pages_of(sinks, "causes"))) == 3 else None)
    assert pages is not None
    assert {cause: page.routing_key for cause, page in pages.items()} == {
        "parts_orphaned": "pager-platform",
        "account_inactive": "pager-campaign",
        "affinity_unconfigured": "pager-platform",
    }
    assert len({page.dedup_key for page in pages.values()}) == 3


def test_more_of_the_same_fault_is_told_on_the_same_page(alertmanager: Alertmanager, sinks: Sinks) -> None:
    fire(alertmanager, scenes.unconfigured("more", "retail.fr"))
    (first,) = sinks.wait(lambda: pages_of(sinks, "more"))
    fire(alertmanager, scenes.unconfigured("more", "retail.de"))
    second = sinks.first(lambda: pages_of(sinks, "more"), lambda page: "retail.de" in page.details["firing"])
    assert "retail.fr" in second.details["firing"]
    assert second.dedup_key == first.dedup_key
    assert second.title.endswith("[affinity_unconfigured], and 1 more")


def test_a_muted_alert_is_told_nowhere_until_its_root_is_over(alertmanager: Alertmanager, sinks: Sinks) -> None:
    root, effect = scenes.all_mtas_down("muted"), scenes.stuck("muted")
    fire(alertmanager, root, effect)
    sinks.wait(lambda: pages_of(sinks, "muted"))
    fire(alertmanager, scenes.memory_high("beside-muted"))
    mail_of(sinks, "beside-muted")  # by now the group of the muted alert has been flushed
    assert [page.body["payload"]["component"] for page in pages_of(sinks, "muted")] == ["CampaignAllMtasDown"]
    assert "stuck" not in message_of(sinks, "muted").text
    resolve(alertmanager, root)
    page = sinks.first(lambda: pages_of(sinks, "muted"), lambda page: "are stuck" in page.title)
    assert page.action == "trigger"


def test_a_sign_of_life_goes_out_every_minute_to_nobody_else(alertmanager: Alertmanager, sinks: Sinks) -> None:
    labels = {"alertname": "CampaignWatchdog", "severity": "none", "team": "platform"}
    watchdog = Alert(labels, {"summary": "The way works"}, scenes.all_mtas_down("").since)
    fire(alertmanager, watchdog)

    def beats() -> list[Beat]:
        return [beat for beat in sinks.beats() if labels in beat.alerts]

    sinks.wait(lambda: len(beats()) >= 4)
    gaps = [after.at - before.at for before, after in zip(beats(), beats()[1:], strict=False)]
    assert all(BEAT - 0.2 < gap < BEAT + _SLACK for gap in gaps), gaps
    assert sorted(gaps)[1] < BEAT * 1.5, "every minute, not every second one"
    assert {beat.path for beat in beats()} == {"/dead-man"}
    resolve(alertmanager, watchdog)
    fire(alertmanager, scenes.memory_high("beside-watchdog"))
    mail_of(sinks, "beside-watchdog")
    assert {beat.status for beat in beats()} == {"firing"}, "that it is over would be one more sign of life"
    assert "The way works" not in str([*sinks.pages(), *sinks.messages(), *sinks.mails()])


def test_what_is_not_ours_goes_to_chat_and_mail_and_does_not_vanish(alertmanager: Alertmanager, sinks: Sinks) -> None:
    fire(
        alertmanager,
        Alert({"alertname": "DiskOfSomebodyElse", "severity": "critical", "disk": "sda"}, {}, scenes.stuck("").since),
    )
    message = sinks.first(sinks.messages, lambda message: "DiskOfSomebodyElse" in message.title)
    mail = sinks.first(sinks.mails, lambda mail: "DiskOfSomebodyElse" in mail.subject)
    assert message.title == "🔴 DiskOfSomebodyElse (disk sda)"
    assert mail.to == ("campaign-platform@campaign.example",)
    assert "DiskOfSomebodyElse" not in str(sinks.pages())
