"""The exposition as bytes: an immutable snapshot that a scrape reads without waiting for anybody.

Each publisher (one collector of one instance, or the exporter itself) hands in its samples as a whole. Only what they change
is written and compressed again; then a new snapshot takes the place of the old by a single assignment.
"""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from campaign_exporter.catalogue import METRICS
from campaign_exporter.metric import Metric, Samples, Series
from campaign_exporter.rendering import Block, Fragment, blocks_of, fragments_of, gzip_of

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state of the exposition."""

    plain: bytes = b""
    gzipped: bytes = gzip_of(b"", ())


class Owner(NamedTuple):
    """Who publishes: an instance ("" for the exporter itself) and a part of its own choosing."""

    instance: str
    part: str


class Exposition:
    """Holds what each owner published last, and the snapshot of it all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: By family, then by owner; and which families an owner speaks of.
        self._blocks: dict[Metric, dict[Owner, tuple[Block, ...]]] = {metric: {} for metric in METRICS.values()}
        self._published: dict[Owner, frozenset[Metric]] = {}
        self._fragments: dict[Metric, tuple[Fragment, ...]] = dict.fromkeys(METRICS.values(), ())
        #: The newest snapshot; read it once a scrape.
        self.snapshot = Snapshot()

    def publish(self, publications: Mapping[Owner, Samples]) -> None:
        """Put new samples in the place of what these owners published before, all in one step."""
        with self._lock:
            touched: set[Metric] = set()
            for owner, samples in publications.items():
                for metric in self._published.get(owner, frozenset()) | samples.families.keys():
                    if self._replace(metric, owner, samples.families.get(metric, {})):
                        touched.add(metric)
                self._published[owner] = frozenset(samples.families)
            self._renew(touched)

    def withdraw(self, instance: str) -> None:
        """Take away all that was published about an instance."""
        with self._lock:
            touched: set[Metric] = set()
            for owner in [owner for owner in self._published if owner.instance == instance]:
                metrics = self._published.pop(owner)
                touched |= metrics
                for metric in metrics:
                    del self._blocks[metric][owner]
            self._renew(touched)

    def _replace(self, metric: Metric, owner: Owner, family: Mapping[Series, float]) -> bool:
        """Put an owner's samples of a family in the place of the old ones; tell whether that changes anything."""
        owners = self._blocks[metric]
        old = owners.get(owner, ())
        new = blocks_of(metric, owner.instance, family, old)
        if new:
            owners[owner] = new
        else:
            owners.pop(owner, None)
        return len(new) != len(old) or any(one.text is not other.text for one, other in zip(new, old, strict=True))

    def _renew(self, touched: Iterable[Metric]) -> None:
        for metric in touched:
            blocks = chain.from_iterable(self._blocks[metric].values())
            self._fragments[metric] = fragments_of(metric, blocks, self._fragments[metric])
        if touched:
            fragments = list(chain.from_iterable(self._fragments.values()))
            plain = b"".join([fragment.plain for fragment in fragments])
            self.snapshot = Snapshot(plain, gzip_of(plain, fragments))
