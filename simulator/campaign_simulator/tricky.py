"""Deliveries that a careless query counts wrongly, or that a careless exposition chokes on."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg import sql

_LABEL_LENGTH = 128  # NmsDelivery.sLabel
HOSTILE_LABELS = (
    "quote \" and 'apostrophe'",
    "back\\slash \\n not a newline",
    "line one\nline two\r\n\tindented",
    "emoji \U0001f4e7\U0001f680 and \u00fcml\u00e4uts",
    "right \u202eto left\u202c \u200fmark",
    '{curly="braces"} # HELP x',
    "<script>alert(1)</script> {{ $labels.label }}",
    "x" * _LABEL_LENGTH,
    "\x01\x1b[31mcontrol\x7f",
    "",
)


@dataclass(frozen=True)
class TrickyRow:
    """One such delivery; monitoring has to count it or not."""

    delivery_id: int
    kind: str
    state: int | None
    channel: int | None
    counted: bool = True
    label: str | None = None
    messages_remaining: int = 0
    columns: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class TrickyRows:
    """What was inserted."""

    rows: tuple[TrickyRow, ...]

    @property
    def counted(self) -> Counter[tuple[int | None, int | None]]:
        """Deliveries that count, by (state, channel); none stands for NULL."""
        return Counter((row.state, row.channel) for row in self.rows if row.counted)

    @property
    def remaining(self) -> Counter[tuple[int | None, int | None]]:
        """Messages that wait in those, by (state, channel)."""
        total: Counter[tuple[int | None, int | None]] = Counter()
        for row in self.rows:
            if row.counted and row.messages_remaining:
                total[row.state, row.channel] += row.messages_remaining
        return total


def tricky_rows(first_id: int = -1) -> TrickyRows:
    """Return such deliveries, with ids that go down from a negative one."""
    made: list[TrickyRow] = []

    def add(kind: str, state: int | None, channel: int | None = 0, **columns: object) -> None:
        counted = not any(columns.get(flag) for flag in ("iIsModel", "iDeleteStatus", "iFCP"))
        label = columns.get("sLabel", f"Tricky {kind}")
        remaining = 10 if columns.get("iToDeliver") else 0
        text = label if isinstance(label, str) else None
        number = first_id - len(made)
        made.append(TrickyRow(number, kind, state, channel, counted, text, remaining, columns))

    add("negative id", 51, iToDeliver=10)
    add("template", 51, iIsModel=1)
    add("deleted", 51, iDeleteStatus=1)
    add("recycled", 95, iDeleteStatus=2)
    add("proof", 51, iFCP=1)
    for state in (33, 999, -1, 2_147_483_647):
        add("unknown state", state)
    for channel in (7, 130, -5):
        add("unknown channel", 95, channel)
    add("no state", None)
    add("no channel", 95, None)
    for column in ("iIsModel", "iDeleteStatus", "iFCP"):
        add(f"no {column}", 95, **{column: None})
    add("no contact date", 51, iToDeliver=10, tsContact=None)
    add("no dates", 51, tsContact=None, tsLastModified=None, tsCreated=None, tsValidity=None)
    add("no counters", 51, iToDeliver=None, iProcessed=None, iSuccess=None, iError=None)
    add("no links", 51, iTypologyId=None, iDeliveryProviderId=None, iDeliveryMode=None, sIPAffinity=None)
    add("no names", 51, sLabel=None, sInternalName=None)
    add("infinite contact date", 51, tsContact="infinity")
    add("odd affinity", 51, sIPAffinity='a;b c"d\\')
    add("internal name", 95, sInternalName="\u914d\u4fe1\U0001f4e7-\u202ename")
    for label in HOSTILE_LABELS:
        add("hostile label", 51, sLabel=label, iToDeliver=10)
    return TrickyRows(tuple(made))


def insert_tricky_rows(
    connection: psycopg.Connection, schema: str = "public", *, now: datetime | None = None, first_id: int = -1
) -> TrickyRows:
    """Insert such deliveries and return them; NULL is in every nullable column that monitoring may read."""
    rows = tricky_rows(first_id)
    moment = now or datetime.now(UTC)
    with connection.transaction():
        for row in rows.rows:
            _insert(connection, schema, _columns(row, moment))
    return rows


def _columns(row: TrickyRow, now: datetime) -> Mapping[str, object]:
    """Return all columns of a row: those of an ordinary delivery, but for what makes it tricky."""
    return {
        "iDeliveryId": row.delivery_id,
        "sInternalName": f"TRICKY{row.delivery_id}",
        "sLabel": row.label,
        "iState": row.state,
        "iMessageType": row.channel,
        "iDeliveryMode": 1,
        "tsCreated": now,
        "tsLastModified": now,
        "tsContact": now,
        "tsValidity": now + timedelta(days=5),
        **row.columns,
    }


def _insert(connection: psycopg.Connection, schema: str, columns: Mapping[str, object]) -> None:
    statement = sql.SQL("INSERT INTO {}.NmsDelivery ({}) VALUES ({})").format(
        sql.Identifier(schema),
        sql.SQL(", ").join(sql.SQL(column) for column in columns),
        sql.SQL(", ").join(sql.Placeholder() * len(columns)),
    )
    connection.execute(statement, list(columns.values()))
