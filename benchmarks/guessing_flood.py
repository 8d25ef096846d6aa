"""Measure right scrapes over TLS with a password: alone, and while others guess passwords.

Usage: python benchmarks/guessing_flood.py [--scrapes N] [--seconds S] [--clients 8 64]

All on the loopback interface. The server, the scraper and those who guess run in processes of their own; each guess is another
password over a new connection, sent as soon as the last one was answered. The hash has the usual cost of 10.
"""

import argparse
import base64
import http.client
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import bcrypt
import trustme

from campaign_exporter.snapshot import Snapshot
from campaign_exporter.web.application import Application
from campaign_exporter.web.policy import PolicyInForce, read_policy
from campaign_exporter.web.server import WebServer, listen

_PASSWORD = "the right one"  # noqa: S105 - of this measurement only


class Served:
    """An exporter with the exposition of a large installation: 300 kB."""

    healthy = ready = True
    snapshot = Snapshot(b'campaign_deliveries{campaign_instance="prod",state="in_progress",channel="email"} 1\n' * 3500, b"")

    def reload(self) -> str | None:
        """Do nothing."""
        return None


def serve(directory: Path) -> None:
    """Serve until standard input ends."""
    file = directory / "web.yml"
    listener = listen("127.0.0.1:0")
    app = Application(Served(), telemetry_path="/metrics", lifecycle=False)
    WebServer(app, listener, PolicyInForce(file, read_policy(file))).start()
    print(listener.getsockname()[1], flush=True)
    sys.stdin.read()


def connect(directory: Path, port: int) -> http.client.HTTPSConnection:
    """Make a client that trusts the server."""
    context = ssl.create_default_context(cafile=directory / "ca.pem")
    return http.client.HTTPSConnection("localhost", port, timeout=30, context=context)


def ask(connection: http.client.HTTPSConnection, password: str) -> int:
    """Ask for the metrics; give the status."""
    credentials = base64.b64encode(f"alice:{password}".encode()).decode()
    connection.request("GET", "/metrics", headers={"Authorization": f"Basic {credentials}"})
    reply = connection.getresponse()
    reply.read()
    return reply.status


def guess(directory: Path, port: int, clients: int, seconds: float) -> None:
    """Guess for a time, and print what was answered how often."""
    end = time.monotonic() + seconds
    statuses: Counter[int] = Counter()

    def one(name: int) -> None:
        number = 0
        while time.monotonic() < end:
            number += 1
            connection = connect(directory, port)
            with suppress(OSError):
                statuses[ask(connection, f"guess {name} {number}")] += 1
            connection.close()

    threads = [threading.Thread(target=one, args=[name]) for name in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(", ".join(f"{count} x {status}" for status, count in sorted(statuses.items())) or "nothing", flush=True)


def measure(directory: Path, port: int, scrapes: int, seconds: float) -> list[float]:
    """Scrape over one connection for a time at least; give milliseconds."""
    connection = connect(directory, port)
    ask(connection, _PASSWORD)
    times: list[float] = []
    end = time.monotonic() + seconds
    while len(times) < scrapes or time.monotonic() < end:
        began = time.perf_counter()
        if ask(connection, _PASSWORD) != http.HTTPStatus.OK:
            raise AssertionError("a right scrape was refused")
        times.append((time.perf_counter() - began) * 1000)
        time.sleep(0.005)
    connection.close()
    return times


def row(directory: Path, server: int, port: int, given: argparse.Namespace, clients: int) -> None:
    """Measure with so many who guess, and print."""
    command = [sys.executable, __file__, "--guess", str(directory), str(port), str(clients), str(given.seconds + 2)]
    flood = subprocess.Popen(command, stdout=subprocess.PIPE, text=True) if clients else None  # noqa: S603 - this file
    time.sleep(1 if clients else 0)
    times = measure(directory, port, given.scrapes, given.seconds)
    lines = Path(f"/proc/{server}/status").read_text(encoding="ascii").splitlines()
    held = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith(("VmRSS", "Threads"))}
    answers = flood.communicate()[0].strip() if flood else ""
    figures = (statistics.median(times), statistics.quantiles(times, n=100)[98], max(times))
    print(f"{clients:>8}{len(times):>9}{''.join(f'{each:>9.2f}' for each in figures)}", end="")
    print(f"{held['Threads']:>9}{held['VmRSS'] / 1024:>9.0f}  {answers}", flush=True)


def main() -> None:
    """Measure all, and print one row each as it comes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scrapes", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--clients", type=int, nargs="+", default=[8, 64])
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--guess", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve)
    elif given.guess:
        guess(Path(given.guess[0]), int(given.guess[1]), int(given.guess[2]), float(given.guess[3]))
    else:
        with tempfile.TemporaryDirectory() as directory:
            run(Path(directory), given)


def run(directory: Path, given: argparse.Namespace) -> None:
    """Start a server, and measure it."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(directory / "ca.pem")
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(directory / "server.pem")
    users = f"basic_auth_users: {{alice: {bcrypt.hashpw(_PASSWORD.encode(), bcrypt.gensalt(10)).decode()}}}\n"
    (directory / "web.yml").write_text(f"tls_server_config: {{cert_file: server.pem, key_file: server.pem}}\n{users}", "utf-8")
    command = [sys.executable, __file__, "--serve", str(directory)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - this file
        if server.stdout is None:
            raise AssertionError("Popen was told to make a pipe")
        port = int(server.stdout.readline())
        print(f"{'guessing':>8}{'scrapes':>9}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}{'threads':>9}{'RSS MiB':>9}  guesses")
        for clients in (0, *given.clients):
            row(directory, server.pid, port, given, clients)
        server.communicate()


if __name__ == "__main__":
    main()
