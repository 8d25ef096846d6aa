"""Deliveries under way one by one: how far each is, how fast it goes on, and whether it will be through in time."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from campaign_exporter import catalogue_outlook as catalogue
from campaign_exporter.diagnosis.facts import Delivery, Parts
from campaign_exporter.domain.forecast import Point, Queue, Wave, expected_end, follow, queue_of, rate_of, unsent_at
from campaign_exporter.metric import Samples
from campaign_exporter.sources.outlook import Counted
from campaign_exporter.state import Section

_IN_PROGRESS = 55


class Ahead(NamedTuple):
    """What is prepared of each delivery, and the database's clock, in seconds since the epoch."""

    parts: Mapping[int, Parts]
    waves: Mapping[int, Sequence[Wave]]
    now: float


class Forecast(NamedTuple):
    """What is known ahead of a delivery; None where it cannot be told."""

    rate: float | None = None
    end: float | None = None
    past_validity: int | None = None


def is_due(delivery: Delivery, ahead: Ahead) -> bool:
    """Tell whether its first pass is under way, and a part of it can be sent now.

    What is only tried again (states 61, 62) is left out: its rate is that of the retries, and who does not answer is given up
    when the validity ends, as is right.
    """
    parts = ahead.parts.get(delivery.delivery_id)
    first_pass = delivery.state == _IN_PROGRESS and delivery.sent_here and delivery.messages_waiting > 0
    return first_pass and parts is not None and parts.exist and not parts.all_later_than(ahead.now)


class Forecasts:
    """The course of each delivery over the window in which its rate is measured, in seconds."""

    def __init__(self, window: float) -> None:
        self._window = window
        self._points: dict[int, tuple[Point, ...]] = {}

    def follow(self, deliveries: Iterable[Delivery], ahead: Ahead) -> None:
        """Take note of how far each is; what is not due now begins anew when it is."""
        self._points = {
            each.delivery_id: follow(
                self._points.get(each.delivery_id, ()), Point(ahead.now, each.processed or 0), self._window
            )
            for each in deliveries
            if is_due(each, ahead)
        }

    def of(self, delivery: Delivery, ahead: Ahead) -> Forecast:
        """Tell what is known ahead of a delivery."""
        rate = rate_of(self._points.get(delivery.delivery_id, ()), self._window)
        if rate is None:
            return Forecast()
        queue = queue_of(delivery.messages_waiting, ahead.waves.get(delivery.delivery_id, ()))
        return Forecast(rate, expected_end(queue, rate, ahead.now), _past_validity(delivery, queue, rate, ahead.now))

    def dump(self) -> Section:
        """Write it down for a restart."""
        return {str(id_): [list(point) for point in points] for id_, points in self._points.items()}

    def load(self, section: Section) -> None:
        """Read what `dump` wrote."""
        self._points = {int(id_): tuple(Point(*point) for point in points) for id_, points in section.items()}


def _past_validity(delivery: Delivery, queue: Queue, rate: float, now: float) -> int | None:
    """Count what will be cut off; once the validity is over, or where it never is, there is nothing to tell ahead."""
    validity = delivery.validity
    if validity is None or validity <= now:
        return None
    return unsent_at(validity, queue, rate, now)


def add_table(samples: Samples, counted: Sequence[Counted], forecasts: Mapping[int, Forecast], size: int) -> int:
    """Show the deliveries that matter most one by one; give how many found no place."""

    def urgency(each: Counted) -> tuple[int, int, int]:
        past = forecasts.get(each.delivery.delivery_id, Forecast()).past_validity or 0
        return -past, -each.delivery.messages_waiting, each.delivery.delivery_id

    for each in sorted(counted, key=urgency)[:size]:
        _add_one(samples, each, forecasts.get(each.delivery.delivery_id, Forecast()))
    return max(len(counted) - size, 0)


def _add_one(samples: Samples, counted: Counted, forecast: Forecast) -> None:
    delivery = counted.delivery
    labels = {"delivery_id": str(delivery.delivery_id), "label": delivery.label}
    numbers = (delivery.to_deliver or 0, delivery.processed or 0, counted.success, counted.error)
    for kind, number in zip(catalogue.KINDS[: len(numbers)], numbers, strict=True):
        samples.add(catalogue.DELIVERY_MESSAGES, number, **labels, kind=kind)
    told = {
        catalogue.RATE: forecast.rate,
        catalogue.EXPECTED_END: forecast.end,
        catalogue.PAST_VALIDITY: forecast.past_validity,
        catalogue.VALIDITY: delivery.validity if delivery.validity != float("inf") else None,
    }
    for metric, value in told.items():
        if value is not None:
            samples.add(metric, value, **labels)
