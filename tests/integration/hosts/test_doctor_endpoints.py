"""What the doctor says of endpoints: real servers, well and ill."""

import time
from pathlib import Path

import pytest

from campaign_exporter.config import Config
from campaign_exporter.doctor.check import Result
from integration.examined import Examined, examined
from integration.hosts.sites import answer, self_signed, serving

REDIR = b"<redir status='OK' date='2021-08-27 08:02:07.963-07' build='9236' host='t' localHost='t'/>"
TOKEN = "___hunter2"


def look(*endpoints: dict[str, object]) -> Examined:
    content = {
        "instances": [{"name": "prod", "endpoints": list(endpoints)}],
        "collectors": {"endpoints": {"timeout": 1}},
        "state_directory": "none",
    }
    return examined(Config.model_validate(content))


@pytest.mark.parametrize(("days", "result"), [(13, Result.FINDING), (16, Result.OK)])
def test_a_certificate_tells_how_long_it_lasts(tmp_path: Path, days: int, result: Result) -> None:
    crt = self_signed(tmp_path, days=days)
    with serving(answer(b"x"), certificate=crt) as web:
        seen = look({"name": "images", "kind": "resource", "url": web.url, "ca_file": crt})
    assert seen.the("certificate").result is result
    assert seen.the("certificate").what == f"lasts {days} more days"
    assert seen.the("answer").result is Result.OK


def test_a_certificate_that_nobody_signed(tmp_path: Path) -> None:
    with serving(answer(b"x"), certificate=self_signed(tmp_path)) as web:
        seen = look({"name": "images", "kind": "resource", "url": web.url})
    (check,) = seen.findings
    assert "its certificate is not to be trusted: self-signed certificate" in check.what
    assert "ca_file" in check.mend


def test_a_redirection_to_tls_is_looked_at_as_well(tmp_path: Path) -> None:
    crt = self_signed(tmp_path, days=3)
    with serving(answer(b"x"), certificate=crt) as secure, serving(answer(b"", 302, Location=secure.url)) as plain:
        seen = look({"name": "images", "kind": "resource", "url": plain.url, "ca_file": crt})
    assert seen.found == {"certificate"}
    assert "over plain HTTP" in seen.the("answer").what


def test_answers_are_told_with_their_build() -> None:
    with serving(answer(REDIR)) as web:
        seen = look({"name": "tracking", "kind": "redirection", "url": web.url})
    assert seen.findings == []
    assert "build 9236, over plain HTTP" in seen.the("answer").what


@pytest.mark.parametrize(
    ("kind", "body", "status", "mend"),
    [
        ("ping", b"Error\nThe queue is full (400/400)", 200, "CampaignEventQueueStuck"),
        ("ping", b"Error\nno database", 200, "where Campaign itself says Error"),
        ("ping", b"<html>", 200, "compare url and kind"),
        ("ping", b"", 500, "Campaign or its web server is at fault"),
        ("redirection", b"", 503, "Campaign or its web server is at fault"),
        ("redirection", b"", 404, "compare url and kind"),
        ("redirection", b"<html>", 200, "compare url and kind"),
        ("redirection", b"<redir status='KO'/>", 200, "compare url and kind"),
        ("resource", b"", 200, "compare url and kind"),
    ],
)
def test_a_bad_answer_is_mended_by_what_it_was(tmp_path: Path, kind: str, body: bytes, status: int, mend: str) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    with serving(answer(body, status)) as web:
        session = {"session_token_file": token} if kind == "ping" else {}
        seen = look({"name": "app", "kind": kind, "url": web.url, **session})
    assert mend in seen.the("answer").mend


def test_each_failure_has_its_mend_and_hides_the_token(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    ping = {"kind": "ping", "session_token_file": token}
    with (
        serving(answer(b"", 401)) as shut,
        serving(answer(f"Error\n{TOKEN} is wrong".encode())) as wrong,
        serving(lambda _request: time.sleep(3)) as slow,
    ):
        seen = look(
            {"name": "shut", "url": shut.url, **ping},
            {"name": "wrong", "url": f"{wrong.url}?secret=hunter2", **ping},
            {"name": "slow", "kind": "resource", "url": slow.url},
            {"name": "nobody", "kind": "resource", "url": "http://127.0.0.1:9"},
            {"name": "fileless", "url": shut.url, "kind": "ping", "session_token_file": tmp_path / "none"},
        )
    names = {"shut", "wrong", "slow", "nobody", "fileless"}
    assert {check.subject for check in seen.findings} == {f"endpoint {name}" for name in names}
    assert "session_token_file" in seen.the("answer", "endpoint shut").mend
    assert "no whole answer within" in seen.the("answer", "endpoint slow").what
    assert all(f'endpoint="{check.subject.removeprefix("endpoint ")}"' in check.why for check in seen.findings)
    assert "hunter2" not in seen.text
    assert seen.seconds < 5
