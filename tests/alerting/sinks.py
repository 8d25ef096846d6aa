"""Whom Alertmanager tells, in tests: a pager service, a chat room, a dead man's switch and a mail relay, on loopback."""

import json
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

T = TypeVar("T")


class Page(NamedTuple):
    """An event of PagerDuty's Events API v2; at is the time of its arrival in seconds since 1970, as everywhere here."""

    at: float
    routing_key: str
    action: str
    dedup_key: str
    title: str
    details: Mapping[str, Any]
    links: Mapping[str, str]
    body: Mapping[str, Any]


class Message(NamedTuple):
    """A message of Slack's incoming webhooks."""

    at: float
    title: str
    title_link: str
    text: str
    color: str


class Beat(NamedTuple):
    """A sign of life: what Alertmanager's own webhook carries."""

    at: float
    path: str
    status: str
    alerts: Sequence[Mapping[str, str]]


class Mail(NamedTuple):
    """A mail, and the login with which it was handed in."""

    at: float
    sender: str
    to: tuple[str, ...]
    subject: str
    text: str
    html: str
    headers: Mapping[str, str]
    login: tuple[str, str] | None


@dataclass(frozen=True)
class _Post:
    at: float
    path: str
    body: Any


class Sinks:
    """Receive everything, keep it in the order of arrival, and give it as values."""

    def __init__(self) -> None:
        self._posts: list[_Post] = []
        self._mails: list[Mail] = []
        self._arrival = Condition()

    def __enter__(self) -> Self:
        with ExitStack() as exits:
            web = ThreadingHTTPServer(("127.0.0.1", 0), self._web_handler())
            self.web_port = int(web.server_address[1])
            exits.callback(web.server_close)
            Thread(target=web.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
            exits.callback(web.shutdown)
            relay = Controller(
                _Mailbox(self._keep_mail),
                hostname="127.0.0.1",
                port=_free_port(),
                authenticator=_let_in,
                auth_exclude_mechanism=["LOGIN"],  # its prompts are not those that Alertmanager knows
                auth_require_tls=False,  # loopback, where Alertmanager tells its password without TLS
                enable_SMTPUTF8=True,
            )
            relay.start()
            self.smtp_port = int(relay.port)
            exits.callback(relay.stop)
            self._exits = exits.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._exits.close()

    def url(self, kind: str) -> str:
        """Give the address for posts of a kind: pager, chat, or anything else for plain webhooks."""
        return f"http://127.0.0.1:{self.web_port}/{kind}"

    def pages(self) -> list[Page]:
        return [_page(post) for post in list(self._posts) if post.path == "/pager"]

    def messages(self) -> list[Message]:
        return [_message(post) for post in list(self._posts) if post.path == "/chat"]

    def beats(self) -> list[Beat]:
        return [_beat(post) for post in list(self._posts) if post.path not in {"/pager", "/chat"}]

    def mails(self) -> list[Mail]:
        return list(self._mails)

    def wait(self, look: Callable[[], T], seconds: float = 15.0) -> T:
        """Look at each arrival until something is seen."""
        end = time.monotonic() + seconds
        with self._arrival:
            while not (seen := look()):
                assert self._arrival.wait(end - time.monotonic()), "it did not arrive in time"
            return seen

    def first(self, those: Callable[[], list[T]], wanted: Callable[[T], object], seconds: float = 15.0) -> T:
        """Wait for the first of a kind that is wanted, such as `first(sinks.pages, lambda page: "prod" in page.title)`."""
        return self.wait(lambda: [each for each in those() if wanted(each)], seconds)[0]

    def _keep_mail(self, mail: Mail) -> None:
        with self._arrival:
            self._mails.append(mail)
            self._arrival.notify_all()

    def _keep_post(self, post: _Post) -> None:
        with self._arrival:
            self._posts.append(post)
            self._arrival.notify_all()

    def _web_handler(self) -> type[BaseHTTPRequestHandler]:
        keep = self._keep_post

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                at = time.time()
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(202 if self.path == "/pager" else 200)
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")  # what Slack answers; newer Alertmanagers wait for it
                keep(_Post(at, self.path, json.loads(body)))

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server asks for
                """Say nothing."""

        return Handler


def _page(post: _Post) -> Page:
    body = post.body
    payload = body["payload"]
    return Page(
        post.at,
        body["routing_key"],
        body["event_action"],
        body["dedup_key"],
        payload["summary"],
        payload.get("custom_details", {}),
        {link["text"]: link["href"] for link in body.get("links", [])},
        body,
    )


def _message(post: _Post) -> Message:
    (attachment,) = post.body["attachments"]
    return Message(post.at, attachment["title"], attachment["title_link"], attachment["text"], attachment["color"])


def _beat(post: _Post) -> Beat:
    return Beat(post.at, post.path, post.body["status"], [alert["labels"] for alert in post.body["alerts"]])


class _Mailbox:
    def __init__(self, keep: Callable[[Mail], None]) -> None:
        self._keep = keep

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd asks for it
        at = time.time()
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, _class=EmailMessage, policy=default)
        self._keep(
            Mail(
                at,
                str(envelope.mail_from),
                tuple(envelope.rcpt_tos),
                str(mail["Subject"]),
                _part(mail, "plain"),
                _part(mail, "html"),
                {name: str(value) for name, value in mail.items()},
                _login(session.auth_data),
            )
        )
        return "250 OK"


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    return "" if part is None else str(part.get_content()).replace("\r\n", "\n")


def _login(login: object) -> tuple[str, str] | None:
    return (login.login.decode(), login.password.decode()) if isinstance(login, LoginPassword) else None


def _let_in(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, login: object) -> AuthResult:
    return AuthResult(success=True, auth_data=login)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
