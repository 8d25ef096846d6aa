"""The guard in front of all pages: passwords, and the headers that the web configuration adds.

A right password is remembered, so that a scrape passes at once. All others wait for one worker, off the serving thread; no more
may wait than it can do in seconds, so that somebody who guesses costs neither memory nor threads, and no scrape its time.
"""

import asyncio
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from campaign_exporter.web.application import Answer, App, Scope, Send, send_answer, text_answer
from campaign_exporter.web.passwords import Passwords, credentials_of
from campaign_exporter.web.policy import PolicyInForce

_CHALLENGE = {"www-authenticate": 'Basic realm="campaign-exporter", charset="UTF-8"'}
#: A scrape that has to wait for longer is given up by Prometheus.
_LONGEST_WAIT_SECONDS = 4.0
_LEAST_PLACES = 2
_MAXIMAL_PLACES = 64
#: One address must not fill the waiting room.
_SHARE_OF_AN_ADDRESS = 4
_TURNED_AWAY_SECONDS = 1.0


class Full(Exception):
    """More passwords wait to be checked than can be done in time."""


class WaitingRoom:
    """Has passwords checked one at a time by a thread of its own."""

    def __init__(self) -> None:
        self._worker = ThreadPoolExecutor(1, "passwords", initializer=_step_back)
        self._waiting: dict[bytes, asyncio.Future[bool]] = {}
        self._addresses: Counter[str] = Counter()
        #: What a check took; the first is a guess.
        self._seconds = 0.1

    async def check(self, digest: bytes, address: str, verify: Callable[[], bool]) -> bool:
        """Check, together with all who give the same; raise Full."""
        found = self._waiting.get(digest)
        if found is None:
            found = self._enter(digest, address, verify)
        try:
            # Shielded: several may wait for it.
            return await asyncio.shield(found)
        except asyncio.CancelledError:
            if found.cancelled():
                raise Full from None
            raise

    def close(self) -> None:
        """Check nothing more."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _enter(self, digest: bytes, address: str, verify: Callable[[], bool]) -> asyncio.Future[bool]:
        room = min(max(int(_LONGEST_WAIT_SECONDS / self._seconds), _LEAST_PLACES), _MAXIMAL_PLACES)
        if len(self._waiting) >= room or self._addresses[address] >= max(room // _SHARE_OF_AN_ADDRESS, _LEAST_PLACES):
            raise Full
        try:
            entered = asyncio.get_running_loop().run_in_executor(self._worker, self._timed, verify)
        except RuntimeError:  # the worker has been told to end
            raise Full from None
        self._waiting[digest] = entered
        self._addresses[address] += 1
        entered.add_done_callback(lambda _: self._leave(digest, address))
        return entered

    def _timed(self, verify: Callable[[], bool]) -> bool:
        began = time.monotonic()
        right = verify()
        self._seconds = max(time.monotonic() - began, 0.001)
        return right

    def _leave(self, digest: bytes, address: str) -> None:
        del self._waiting[digest]
        self._addresses[address] -= 1
        self._addresses += Counter()  # forgets addresses that have nobody waiting


def _step_back() -> None:
    """Let this thread have what the others leave of the processors."""
    with suppress(OSError):  # not all systems have a priority for each thread
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)


class Guard:
    """Stands before an application, as the policy in force says."""

    def __init__(self, app: App, in_force: PolicyInForce) -> None:
        self._app = app
        self._in_force = in_force
        self._room = WaitingRoom()

    async def __call__(self, scope: Scope, receive: object, send: Send) -> None:
        """Let a request pass, or answer it."""
        policy = self._in_force.policy
        if policy.headers:
            send = _adding(policy.headers, send)
        refusal = await self._refusal(policy.passwords, scope) if policy.passwords else None
        if refusal:
            await send_answer(refusal, scope, send)
        else:
            await self._app(scope, receive, send)

    def close(self) -> None:
        """Check no more passwords."""
        self._room.close()

    async def _refusal(self, passwords: Passwords, scope: Scope) -> Answer | None:
        header = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        given = credentials_of(header)
        if given is None:
            return text_answer(401, "give a user and a password", **_CHALLENGE)
        digest = passwords.digest(given)
        if passwords.remembers(given, digest):
            return None
        address = scope["client"][0] if scope["client"] else ""
        try:
            right = await self._room.check(digest, address, lambda: passwords.verify(given))
        except Full:
            # Whoever guesses shall not come back at once.
            await asyncio.sleep(_TURNED_AWAY_SECONDS)
            return text_answer(429, "too many passwords are being tried: come back later", **{"retry-after": "1"})
        return None if right else text_answer(401, "wrong user or password", **_CHALLENGE)


def _adding(headers: tuple[tuple[bytes, bytes], ...], send: Send) -> Send:
    async def send_with_headers(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] += headers
        await send(message)

    return send_with_headers
