"""Deliverability: how mail servers take our connections, by path, address and affinity; what waits for a retry; bounces."""

from collections import Counter
from collections.abc import Sequence

from campaign_exporter import catalogue_surroundings
from campaign_exporter.config import DeliverabilitySettings
from campaign_exporter.domain.deliveries import CHANNELS, channel_name
from campaign_exporter.domain.smtp_paths import (
    Fared,
    SmtpPath,
    by_affinity,
    by_mail_server,
    by_public_id,
    most_used,
    mx_address,
    worst,
)
from campaign_exporter.domain.smtp_replies import plain_reply
from campaign_exporter.metric import Metric, Samples
from campaign_exporter.rounds import Round
from campaign_exporter.sources import deliverability as source
from campaign_exporter.sources import deliverability_statements as statements
from campaign_exporter.sources.campaign import CampaignDatabase, Questions
from campaign_exporter.sources.hosts import Hosts

#: Mail servers, and addresses of ours, that are summed up one by one.
_MOST_SUMS = 200


class DeliverabilityCollector:
    """Reads the error statistics of an instance; its parts fail apart."""

    name = "deliverability"

    def __init__(self, database: CampaignDatabase, hosts: Hosts, settings: DeliverabilitySettings) -> None:
        self._database = database
        self._hosts = hosts
        self._window = settings.window
        self._table_size = settings.table_size

    def collect(self, current: Round) -> None:
        """Ask for the paths and the replies on the worst of them, the retries, and the last error of an address."""
        with self._database.round(self.name, current, life=current.life) as ask:
            # The paths are told without replies and owners, and it is said that these are missing.
            with current.part("replies"):
                ask.require(statements.SMTP_REPLIES)
            with current.part("owners"):
                ask.require(statements.MX_DOMAINS, *([statements.MX_OWNERS] if ask.has_table("nmsmxowner") else []))
            with current.part("paths") as samples:
                self._add_paths(samples, ask)
        # A transaction of its own for each: one that waits for a lock in vain spoils no other.
        with current.part("retries") as samples, self._database.round(self.name, current, life=current.life) as ask:
            _add_retries(samples, source.retries(ask))
        with current.part("addresses") as samples, self._database.round(self.name, current, life=current.life) as ask:
            last = source.last_address_error(ask)
            if last is not None:
                samples.add(catalogue_surroundings.ADDRESS_ERROR_LAST, last)

    def _add_paths(self, samples: Samples, ask: Questions) -> None:
        paths = source.smtp_paths(ask, self._window)
        samples.add(catalogue_surroundings.SMTP_WINDOW, self._window)
        samples.add(catalogue_surroundings.SMTP_PATHS, len(paths))
        shown = worst(paths, self._table_size)
        _add_table(samples, shown)
        _add_info(samples, ask, shown)
        _add_sums(samples, ask, paths)
        for affinity, fared in by_affinity(by_public_id(paths), self._hosts.public_ids()).items():
            samples.add(catalogue_surroundings.AFFINITY_CONNECTIONS, fared.connections, affinity=affinity)
            samples.add(catalogue_surroundings.AFFINITY_CONNECTION_ERRORS, fared.unconnected, affinity=affinity)


def _add_table(samples: Samples, paths: Sequence[SmtpPath]) -> None:
    for path in paths:
        labels = {"mx": mx_address(path.mx), "public_id": str(path.public_id)}
        samples.add(catalogue_surroundings.SMTP_PATH_CONNECTIONS, path.connections, **labels)
        samples.add(catalogue_surroundings.SMTP_PATH_ERRORS, path.errors, **labels)
        samples.add(catalogue_surroundings.SMTP_PATH_MESSAGES, path.sent, **labels)
        for kind, count in path.kinds.items():
            samples.add(catalogue_surroundings.SMTP_PATH_ERRORS_BY_KIND, count, kind=kind, **labels)


def _add_info(samples: Samples, ask: Questions, paths: Sequence[SmtpPath]) -> None:
    replies = source.replies(ask, paths)
    for path in paths:
        reply = replies.get((path.mx, path.public_id), source.Reply(None, ""))
        samples.add(
            catalogue_surroundings.SMTP_LAST_REPLY,
            1,
            mx=mx_address(path.mx),
            public_id=str(path.public_id),
            code="" if reply.code is None else str(reply.code),
            reply=plain_reply(reply.text),
        )


def _add_sums(samples: Samples, ask: Questions, paths: Sequence[SmtpPath]) -> None:
    """Sum by mail server, with its owner, and by address of ours."""
    servers = most_used(by_mail_server(paths), _MOST_SUMS)
    owners = source.owners(ask, [path for path in paths if path.mx in servers])
    for mx, fared in servers.items():
        labels = {"mx": mx_address(mx), "owner": owners.get(mx, "")}
        _add_fared(samples, _SERVERS, fared, labels)
    for public_id, fared in most_used(by_public_id(paths), _MOST_SUMS).items():
        _add_fared(samples, _ADDRESSES, fared, {"public_id": str(public_id)})


_SERVERS = (catalogue_surroundings.SMTP_SERVER_CONNECTIONS, catalogue_surroundings.SMTP_SERVER_CONNECTION_ERRORS)
_ADDRESSES = (catalogue_surroundings.SMTP_ADDRESS_CONNECTIONS, catalogue_surroundings.SMTP_ADDRESS_CONNECTION_ERRORS)


def _add_fared(samples: Samples, metrics: tuple[Metric, Metric], fared: Fared, labels: dict[str, str]) -> None:
    for metric, value in zip(metrics, fared, strict=True):
        samples.add(metric, value, **labels)


def _add_retries(samples: Samples, retries: dict[int | None, int]) -> None:
    waiting = Counter(dict.fromkeys(CHANNELS.values(), 0))
    for channel, messages in retries.items():
        waiting[channel_name(channel)] += messages
    for name, count in waiting.items():
        samples.add(catalogue_surroundings.MESSAGES_IN_RECOVERY, count, channel=name)
