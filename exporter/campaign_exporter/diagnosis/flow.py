"""Whether messages still go out under an IP affinity.

If they do, some MTA has it, whatever the configuration files say. An hour without messages is proof enough that none has. Where
the exporter saw an affinity leave the files itself, it need not wait so long: messages from before that moment prove nothing.
"""

from collections.abc import Mapping

_PROOF_SECONDS = 3600.0
#: Delivery statistics come in buckets of up to ten minutes, dated by their beginning, and a little late.
_BUCKET_SECONDS = 900.0


class Declarations:
    """Remembers which affinities the hosts declared, and when one was declared no more. Times are of a monotonic clock."""

    def __init__(self) -> None:
        self._declared: frozenset[str] = frozenset()
        self._vanished: dict[str, float] = {}

    def follow(self, declared: frozenset[str], now: float) -> None:
        """Take note of what all hosts together declare."""
        self._vanished |= dict.fromkeys(self._declared - declared, now)
        for name in declared & self._vanished.keys():
            del self._vanished[name]
        self._declared = declared

    def gone_for(self, now: float) -> dict[str, float]:
        """Tell for how many seconds each affinity that was seen to vanish is gone."""
        return {name: now - since for name, since in self._vanished.items()}


def still_flowing(last_seen: Mapping[str, float], gone_for: Mapping[str, float], now: float) -> frozenset[str]:
    """Name the affinities under which messages go out.

    `last_seen` are the newest buckets or changes by affinity, and `now` the database's clock, in seconds since the epoch.
    """
    return frozenset(name for name, moment in last_seen.items() if now - moment <= _memory(gone_for.get(name, 0.0)))


def _memory(gone: float) -> float:
    """Tell for how long messages of the past count, by how long an affinity is gone."""
    return _PROOF_SECONDS if gone < _BUCKET_SECONDS else min(gone, _PROOF_SECONDS)
