"""What the demo reads from /metrics, as anybody could."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import requests
from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True, slots=True)
class Pending:
    """Deliveries that wait for one cause; `oldest` in seconds since the epoch."""

    cause: str
    deliveries: int
    messages: int
    oldest: float | None


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at the metrics. `messages` and `volume` (bytes) are counters; `at` is on the monotonic clock."""

    at: float
    messages: float
    volume: float
    mtas_up: int
    mtas: int
    pending: tuple[Pending, ...]

    def waiting_for(self, cause: str) -> Pending | None:
        """Give what waits for a cause, if anything does."""
        return next((one for one in self.pending if one.cause == cause), None)


@dataclass(frozen=True, slots=True)
class Rate:
    """Messages an hour and bits a second between two readings."""

    messages_per_hour: float
    bits_per_second: float


def rate(old: Reading, new: Reading) -> Rate:
    """Tell how much went out between two readings."""
    seconds = max(new.at - old.at, 0.001)
    return Rate((new.messages - old.messages) * 3600 / seconds, (new.volume - old.volume) * 8 / seconds)


def read(url: str) -> Reading:
    """Scrape the exporter; raise requests.RequestException."""
    response = requests.get(url, timeout=5)
    response.raise_for_status()
    samples = list(_samples(response.text))

    def total(name: str, **labels: str) -> float:
        return sum(value for found, have, value in samples if found == name and labels.items() <= have.items())

    mtas = [value for name, have, value in samples if name == "campaign_process_up" and have["process"] == "mta"]
    return Reading(
        at=time.monotonic(),
        messages=total("campaign_messages_total"),
        volume=total("campaign_message_bytes_total"),
        mtas_up=int(sum(mtas)),
        mtas=len(mtas),
        pending=tuple(_pending(samples)),
    )


def _pending(samples: list[tuple[str, dict[str, str], float]]) -> Iterator[Pending]:
    by_cause = {
        name: {have["cause"]: value for found, have, value in samples if found == name}
        for name in (
            "campaign_deliveries_pending",
            "campaign_pending_messages",
            "campaign_deliveries_pending_oldest_timestamp_seconds",
        )
    }
    counts, messages, oldest = by_cause.values()
    for cause, count in counts.items():
        if count:
            yield Pending(cause, int(count), int(messages[cause]), oldest.get(cause))


def _samples(text: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield sample.name, sample.labels, sample.value
