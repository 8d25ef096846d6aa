"""Campaign's tables with a history that can be made longer, while the present stays as it is.

The first rows of each log belong to a thousand deliveries of these days; all further ones are history: of other deliveries, and
older. Whoever asks of the present finds the same rows however long the history is.
"""

from collections.abc import Iterable, Mapping

import psycopg
from psycopg import sql

from campaign_exporter.sources.statement import Index

PRESENT_ROWS = 20_000
PRESENT_DELIVERIES = 1_000
DELIVERIES = 5_000
#: Tables that Adobe calls small, or that hold a few definitions: they may be read whole.
SMALL = frozenset(
    {"nmsdelivery", "nmstypology", "nmsextaccount", "xtkworkflow", "xtkoption", "xtkenum", "xtkenumvalue", "nmsoperation"}
) | {"nmsemailerror", "nmsmxowner"}  # a row for each mail server, or for each of our addresses at it

# As wide as Campaign's, with templates, proofs and deliveries in the bin; the newest have the highest numbers but for the first
# hundred, which are under way.
_DELIVERIES = """
INSERT INTO nmsdelivery (ideliveryid, sinternalname, slabel, sdeliverycode, snature, iismodel, ifcp, ideletestatus, istate,
  ideliverymode, imessagetype, tscreated, tslastmodified, tscontact, tsextraction, tsstart, tsbroadstart, tsbroadend,
  tsvalidity, itodeliver, iprocessed, isuccess, ierror, sipaffinity, itypologyid, ideliveryproviderid, ioperationid,
  iworkflowid)
SELECT n, 'DM' || n, 'Delivery ' || n || ' of the season, to all who want it', 'CODE' || n, 'mail',
  (n > 100 AND n % 20 = 0)::int, (n > 100 AND n % 10 = 1)::int, (n > 100 AND n % 25 = 2)::int,
  CASE WHEN n <= 30 THEN 51 WHEN n <= 50 THEN 55 WHEN n <= 60 THEN 61 WHEN n <= 70 THEN 62 WHEN n <= 100 THEN 45
    WHEN n % 10 = 3 THEN 0 WHEN n % 100 = 5 THEN 45 WHEN n % 100 = 7 THEN 87 ELSE 95 END,
  1, 0, at, at, at, at, at, at, at + interval '30 minutes', at + interval '5 days', 10000, 5000, 4900, 100,
  CASE WHEN n % 3 = 0 THEN 'retail.fr' END, 1 + n % 5, 1 + n % 3, n % 500, n % 700
FROM (SELECT n, now() - CASE WHEN n <= 100 THEN n ELSE (%(most)s - n) * 5 + 60 END * interval '1 minute' AS at
  FROM generate_series(1, %(most)s) n) d
"""
_COLUMNS = """
SELECT a.attname, EXISTS (
  SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisunique AND i.indkey::text = a.attnum::text
)
FROM pg_attribute a WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
_DELIVERY = (
    f"CASE WHEN n <= {PRESENT_ROWS} THEN 1 + n % {PRESENT_DELIVERIES}"
    f" ELSE {PRESENT_DELIVERIES + 1} + n % {DELIVERIES - PRESENT_DELIVERIES} END"
)
#: What stands in a column, by the beginning of its name, in the order of preference; n is the number of the row.
_CONTENTS: Mapping[str, str] = {
    "ideliveryid": _DELIVERY,
    "ijobid": _DELIVERY,
    # Ten rows each: a longer history has more recipients, and no more of one of them.
    "irecipientid": "1 + n / 10",
    "tsnextpass": "{anchor} + (n % 60 - 30) * interval '1 minute'",
    "ts": "{anchor} - n / 47 * interval '10 minutes'",
    "i": "n % 3",
    "d": "n",
    "m": "NULL",
    "s": "'text ' || n",
}


class History:
    """One database, filled step by step."""

    def __init__(self, connection: psycopg.Connection, tables: Iterable[str]) -> None:
        self._connection = connection
        self._rows = dict.fromkeys(sorted(set(tables) - SMALL), 0)
        (anchor,) = connection.execute("SELECT now()").fetchone() or ()
        self._anchor = sql.Literal(anchor)

    @property
    def logs(self) -> frozenset[str]:
        """The tables that history lengthens."""
        return frozenset(self._rows)

    def begin(self, deliveries: int = DELIVERIES) -> None:
        """Write the deliveries, and take care that nobody tidies up behind our back."""
        self._connection.execute(_DELIVERIES.replace("%(most)s", str(deliveries)))
        for table in self.logs | SMALL:
            self._run("ALTER TABLE {table} SET (autovacuum_enabled = off)", table)
        for table in self.logs:
            self._run("ALTER TABLE {table} SET UNLOGGED", table)
        # The link of all opens has the number of a row of history.
        self._connection.execute("DELETE FROM nmstrackingurl WHERE itrackingurlid = 1")

    def lengthen(self, rows: int) -> None:
        """Let each log have so many rows."""
        for table, have in self._rows.items():
            self._insert(table, have + 1, rows, blank=False)
            self._rows[table] = rows

    def add_blank(self, rows: int) -> None:
        """Add rows to each log in which nothing stands but what must."""
        for table, have in self._rows.items():
            self._insert(table, have + 1, have + rows, blank=True)
            self._rows[table] = have + rows

    def purge(self) -> None:
        """Delete the history as Campaign's cleanup does, and leave the dead rows where they are."""
        beyond = f"(SELECT ctid FROM {{table}} LIMIT 1 OFFSET {2 * PRESENT_ROWS})"
        for table in self._rows:
            self._run(f"DELETE FROM {{table}} WHERE ctid >= {beyond}", table)

    def churn(self) -> None:
        """Write what is left anew some times: indexes grow, and hold no more than before."""
        for table in self._rows:
            column = next(name for name in self._columns(table) if name.startswith(("ts", "s")))
            for _ in range(3):
                self._run(f"UPDATE {{table}} SET {column} = {column}", table)
            self._run("VACUUM {table}", table)

    def keep_only(self, indexes: Iterable[Index]) -> None:
        """Drop all indexes of the logs, and make these."""
        kept = set(indexes)
        for (name,) in self._connection.execute(
            "SELECT indexname FROM pg_indexes WHERE tablename = ANY(%s)", ([*self.logs],)
        ).fetchall():
            self._connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
        for index in kept:
            if index.table in self.logs:
                columns = sql.SQL(", ").join(map(sql.Identifier, index.columns))
                self._connection.execute(sql.SQL("CREATE INDEX ON {} ({})").format(sql.Identifier(index.table), columns))

    def forget_statistics(self) -> None:
        """Let the planner know nothing, as after a restore."""
        self._connection.execute(
            "DELETE FROM pg_statistic s USING pg_class c WHERE c.oid = s.starelid AND c.relnamespace = 'public'::regnamespace"
        )
        unknown = "-1" if self._connection.info.server_version >= 14_00_00 else "0"
        ours = "relnamespace = 'public'::regnamespace AND relkind = 'r'"
        self._connection.execute(f"UPDATE pg_class SET relpages = 0, reltuples = {unknown} WHERE {ours}")

    def analyze(self) -> None:
        """Let the planner look."""
        self._connection.execute("ANALYZE")

    def _columns(self, table: str) -> dict[str, bool]:
        """Name the columns of a table, and whether each is unique by itself."""
        columns: dict[str, bool] = dict(self._connection.execute(_COLUMNS, (table,)).fetchall())
        assert columns, f"the simulator's schema has no table {table}"
        return columns

    def _insert(self, table: str, first: int, last: int, *, blank: bool) -> None:
        columns = self._columns(table)
        contents = [
            sql.SQL("n" if unique else self._content(name, blank=blank)).format(anchor=self._anchor)
            for name, unique in columns.items()
        ]
        self._connection.execute(
            sql.SQL("INSERT INTO {} ({}) SELECT {} FROM generate_series({}, {}) n").format(
                sql.Identifier(table),
                sql.SQL(", ").join(map(sql.Identifier, columns)),
                sql.SQL(", ").join(contents),
                first,
                last,
            )
        )

    def _content(self, column: str, *, blank: bool) -> str:
        if blank:
            return f"CASE WHEN n % 2 = 0 THEN {_DELIVERY} END" if column in ("ideliveryid", "ijobid") else "NULL"
        return next(content for beginning, content in _CONTENTS.items() if column.startswith(beginning))

    def _run(self, statement: str, table: str) -> None:
        self._connection.execute(sql.SQL(statement).format(table=sql.Identifier(table)))
