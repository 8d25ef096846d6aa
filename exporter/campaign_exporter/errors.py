"""What can go wrong while facts are read: one exception type a meaning.

Sources raise these and nothing else. The class names the meaning once; its `reason` is the value of the label `reason` of
`campaign_exporter_collector_errors_total`.
"""

from typing import ClassVar


class SourceError(Exception):
    """A fact could not be read. The message says what, where, and the mend, and never holds a secret."""

    reason: ClassVar[str] = "internal"


class ConnectFailed(SourceError):
    """The other side was not reached, or the connection broke."""

    reason = "connect"


class AuthenticationFailed(SourceError):
    """The other side refused who we are."""

    reason = "authentication"


class PermissionDenied(SourceError):
    """The other side knows us, and does not let us read this."""

    reason = "permission"


class TimedOut(SourceError):
    """No answer within the time allowed."""

    reason = "timeout"


class Resting(TimedOut):
    """A statement took too long, now or before, and is not asked again for a while."""


class Locked(SourceError):
    """A table is locked by somebody else for longer than we wait."""

    reason = "lock"


class StatementFailed(SourceError):
    """The database refused a statement for a reason of its own."""

    reason = "sql"


class WriteRefused(StatementFailed):
    """The transaction is read-only, and the statement would write."""


class Missing(SourceError):
    """A table, column, index, file or command is not there."""

    reason = "missing"


class NotInDatabase(Missing):
    """A table, column or index that a collector stands on is not in the database."""


class CommandFailed(SourceError):
    """A command ended with an exit status other than 0."""

    reason = "exit"


class Stale(SourceError):
    """The fact is there, and too old to be believed."""

    reason = "stale"


class Unreadable(SourceError):
    """The answer came and cannot be understood."""

    reason = "parse"


class BadAnswer(SourceError):
    """An HTTP endpoint answered with something other than success."""

    reason = "http"


class TlsFailed(SourceError):
    """The other side's certificate, or the handshake, is not to be trusted."""

    reason = "tls"


class BudgetSpent(SourceError):
    """The round was left out: the time allowed on the database is used up."""

    reason = "budget"


REASONS: tuple[str, ...] = (*(kind.reason for kind in SourceError.__subclasses__()), SourceError.reason)
