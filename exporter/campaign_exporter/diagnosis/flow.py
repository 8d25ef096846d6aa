"""Whether messages still go out under an IP affinity.

If they do, some MTA has it, whatever the configuration files say. An hour without messages is proof enough that none has. Where
the exporter saw an affinity leave the files itself, it need not wait so long: messages from before that moment prove nothing.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

_PROOF_SECONDS = 3600.0
#: Delivery statistics come in buckets of up to ten minutes, dated by their beginning, and a little late.
_BUCKET_SECONDS = 900.0


class Declarations:
    """Remembers which affinities the hosts declared, and when one was declared no more, in seconds since the epoch."""

    def __init__(self, declared: Iterable[str] = (), vanished: Mapping[str, float] = MappingProxyType({})) -> None:
        self.declared = frozenset(declared)
        self.vanished = dict(vanished)

    def follow(self, declared: frozenset[str], now: float) -> bool:
        """Take note of what all hosts together declare, and tell whether that has changed."""
        if declared == self.declared:
            return False
        vanished = self.vanished | dict.fromkeys(self.declared - declared, now)
        # What has been gone for longer makes no difference any more.
        self.vanished = {
            name: since for name, since in vanished.items() if name not in declared and now - since <= _PROOF_SECONDS
        }
        self.declared = declared
        return True

    def gone_for(self, now: float) -> dict[str, float]:
        """Tell for how many seconds each affinity that was seen to vanish is gone."""
        return {name: max(now - since, 0.0) for name, since in self.vanished.items()}


def still_flowing(last_seen: Mapping[str, float], gone_for: Mapping[str, float], now: float) -> frozenset[str]:
    """Name the affinities under which messages go out.

    `last_seen` are the newest buckets or changes by affinity, and `now` the database's clock, in seconds since the epoch.
    """
    return frozenset(name for name, moment in last_seen.items() if now - moment <= _memory(gone_for.get(name, 0.0)))


def _memory(gone: float) -> float:
    """Tell for how long messages of the past count, by how long an affinity is gone."""
    return _PROOF_SECONDS if gone < _BUCKET_SECONDS else min(gone, _PROOF_SECONDS)
