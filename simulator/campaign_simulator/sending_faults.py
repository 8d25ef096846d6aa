"""Faults that are seen in how the sending goes, and not in a delivery that waits; and what leads to them."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from psycopg import sql

from campaign_simulator.faults import Fault, Undo, World, no_arguments, one_of, required
from campaign_simulator.mail_servers import NAMES
from campaign_simulator.model import Typology
from campaign_simulator.vocabulary import DOMAINS

_SIZE = 500
_LATE = timedelta(hours=1)
_LATE_DELIVERIES = 20
_LOW_PACE = 0.1
_LARGE_FACTOR = 4.0
_PARTS_INDEX = "nmsdeliverypart_state"
_AFFINITY_LENGTH = 64  # NmsTypology.sIPAffinity


def _nothing_to_undo() -> None:
    """Leave what has happened: time does not go back."""


def _halted(world: World, _target: str) -> Undo:
    """Send the half of a delivery, and no more."""
    delivery = world.engine.traffic.plain(world.now(), size=_SIZE)
    world.engine.launch(delivery)
    world.engine.send_at_once(delivery, _SIZE // 2)
    world.engine.halted.add(delivery.delivery_id)
    return partial(world.engine.halted.discard, delivery.delivery_id)


def _failed(world: World, _target: str) -> Undo:
    delivery = world.engine.traffic.plain(world.now(), size=_SIZE)
    world.engine.launch(delivery)
    world.engine.fail(delivery)
    return _nothing_to_undo


def _late(world: World, _target: str) -> Undo:
    for _ in range(_LATE_DELIVERIES):
        delivery = world.engine.traffic.plain(world.now(), size=1)
        delivery.created = delivery.contact = world.now() - _LATE
        world.engine.launch(delivery)
    return _nothing_to_undo


def _refused(world: World, _target: str) -> Undo:
    world.engine.sender.refused = True

    def undo() -> None:
        world.engine.sender.refused = False

    return undo


def _large(world: World, _target: str) -> Undo:
    world.engine.sender.size_factor = _LARGE_FACTOR

    def undo() -> None:
        world.engine.sender.size_factor = 1.0

    return undo


def _domains(_world: World, arguments: Sequence[str]) -> Sequence[str]:
    return one_of(DOMAINS, arguments or DOMAINS[:1], "domain of recipients")


def _domain_refusing(world: World, domain: str) -> Undo:
    world.engine.sender.refusing_domains.add(domain)
    return partial(world.engine.sender.refusing_domains.discard, domain)


def _users_unknown(world: World, _target: str) -> Undo:
    world.engine.sender.unknown_users = True

    def undo() -> None:
        world.engine.sender.unknown_users = False

    return undo


def _mail_server(_world: World, arguments: Sequence[str]) -> Sequence[str]:
    return one_of(NAMES, arguments, "mail server")


def _connections_refused(world: World, name: str) -> Undo:
    servers = world.engine.sender.mail_servers
    servers.refusing.add(name)

    def undo() -> None:
        servers.refusing.discard(name)
        world.write()
        with world.connect() as connection:
            connection.execute("DELETE FROM NmsEmailErrorStat WHERE iMXIP = %s", (servers.forget(name),))

    return undo


def _every_domain(_world: World, arguments: Sequence[str]) -> Sequence[str]:
    return one_of(DOMAINS, arguments or DOMAINS, "domain of recipients")


def _mailboxes_full(world: World, domain: str) -> Undo:
    world.engine.sender.full_mailboxes.add(domain)
    return partial(world.engine.sender.full_mailboxes.discard, domain)


def _complaints(world: World, _target: str) -> Undo:
    world.engine.sender.complaining = True

    def undo() -> None:
        world.engine.sender.complaining = False

    return undo


def _links_untracked(world: World, _target: str) -> Undo:
    world.engine.tracker.untracked = True

    def undo() -> None:
        world.engine.tracker.untracked = False

    return undo


def _slow(world: World, _target: str) -> Undo:
    world.engine.pace = _LOW_PACE

    def undo() -> None:
        world.engine.pace = 1.0

    return undo


def _hosts_with_mta(world: World, arguments: Sequence[str]) -> Sequence[str]:
    return one_of(world.hosts.expected_on("mta"), arguments, "host with mta")


def _restarting(world: World, name: str) -> Undo:
    host = world.hosts.by_name[name]
    host.restarting.add("mta")
    return partial(host.restarting.discard, "mta")


def _stat_server_missing(world: World, name: str) -> Undo:
    host = world.hosts.by_name[name]
    server = host.stat_server

    def name_it(stat_server: str) -> None:
        host.stat_server = stat_server
        host.write_configuration()

    name_it("")
    return partial(name_it, server)


def _affinity(_world: World, arguments: Sequence[str]) -> Sequence[str]:
    """Take the names of affinities, as a user types them."""
    return [name[:_AFFINITY_LENGTH] for name in required(arguments, "the affinity's NAME")]


def _latent(world: World, affinity: str) -> Undo:
    """Let a typology name an affinity that no server has; the mend is to take it away again."""
    typologies = world.engine.journal.typologies
    number = world.engine.ids.next()
    typologies[number] = Typology(number, f"typology{number}", affinity)

    def undo() -> None:
        typologies[number] = Typology(number, f"typology{number}")

    return undo


def _index_missing(world: World, _target: str) -> Undo:
    index = sql.Identifier(world.schema, _PARTS_INDEX)
    with world.connect() as connection:
        query = "SELECT indexdef FROM pg_indexes WHERE schemaname = %s AND indexname = %s"
        row = connection.execute(query, (world.schema, _PARTS_INDEX)).fetchone()
        connection.execute(sql.SQL("DROP INDEX {}").format(index))

    def undo() -> None:
        with world.connect() as again:
            again.execute(row[0] if row else "")

    return undo


SENDING_FAULTS = (
    Fault("delivery-halted", "", "a delivery stands still in the middle, while others go on", no_arguments, _halted),
    Fault("delivery-failed", "", "a delivery fails; clearing it leaves it failed", no_arguments, _failed),
    Fault("deliveries-late", "", "20 small deliveries start that were due an hour ago", no_arguments, _late),
    Fault("mails-refused", "", "mail servers softly refuse half of all messages", no_arguments, _refused),
    Fault("mails-large", "", "mails are four times as large as usual", no_arguments, _large),
    Fault(
        "connections-refused",
        "[MAIL-SERVER...]",
        "a mail server refuses most connections, and takes each message in the end; clearing it forgets what was counted",
        _mail_server,
        _connections_refused,
    ),
    Fault("domain-refusing", "[DOMAIN...]", "mail servers of a domain softly refuse all messages", _domains, _domain_refusing),
    Fault("users-unknown", "", "a tenth of all messages goes to users whom nobody knows", no_arguments, _users_unknown),
    Fault(
        "mailboxes-full",
        "[DOMAIN...]",
        "two mailboxes in nine are full, and nothing is tried again",
        _every_domain,
        _mailboxes_full,
    ),
    Fault("complaints", "", "one recipient in a hundred reports the mail as spam", no_arguments, _complaints),
    Fault("links-untracked", "", "mails go out without a link that is tracked", no_arguments, _links_untracked),
    Fault("throughput-low", "", "the mta sends at a tenth of its pace", no_arguments, _slow),
    Fault("mta-restarting", "[HOST...]", "mta dies and is started again all the time", _hosts_with_mta, _restarting),
    Fault(
        "stat-server-missing",
        "[HOST...]",
        "the configuration of a host with mta names no stat server",
        _hosts_with_mta,
        _stat_server_missing,
    ),
    Fault("affinity-latent", "NAME...", "a typology names an IP affinity that no configuration has", _affinity, _latent),
    Fault(
        "index-missing", "", "the index of NmsDeliveryPart is gone, and with it what stands on it", no_arguments, _index_missing
    ),
)
