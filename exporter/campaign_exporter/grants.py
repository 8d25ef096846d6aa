"""The SQL for a role that can read what the exporter reads, and nothing else."""

from collections.abc import Sequence

from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from campaign_exporter.config import Config, Database, Instance
from campaign_exporter.sources.log_statements import BROAD_LOGS, OTHER_LOG_STATEMENTS
from campaign_exporter.sources.statement import Statement
from campaign_exporter.sources.statements import STATEMENTS, columns_read
from campaign_exporter.unasked import unasked

_DEFAULT_ROLE = "campaign_monitor"
#: One exporter holds one connection. This is for two exporters, and for `why` and `doctor` beside them.
CONNECTION_LIMIT = 4
#: Tables of packages that an instance may do without, such as Message Center.
_OPTIONAL = frozenset({"nmsrtevent"})


def grants_sql(config: Config) -> str:
    """Write it for each instance with a database, to be run by the owner of Campaign's tables or a superuser."""
    left_out = unasked(config.collectors)
    asked = [each for each in STATEMENTS if each not in left_out]
    return "\n".join(_for_instance(instance, instance.database, asked) for instance in config.instances if instance.database)


def _for_instance(instance: Instance, database: Database, asked: Sequence[Statement]) -> str:
    given = conninfo_to_dict(database.dsn)
    role = sql.Identifier(str(given.get("user") or _DEFAULT_ROLE))
    schema = sql.Identifier(database.schema_name)
    lines = [
        sql.SQL("-- Instance {}: run in database {}. Set the password with \\password afterwards.").format(
            sql.SQL(_comment(instance.name)), sql.SQL(_comment(str(given.get("dbname", ""))))
        ),
        sql.SQL("-- {} connections: two exporters take one each, and `why` and `doctor` one more each while they run.").format(
            sql.SQL(str(CONNECTION_LIMIT))
        ),
        sql.SQL("-- A role that is there already keeps its limit, and one of several instances on this server needs more:"),
        sql.SQL("-- ALTER ROLE {} CONNECTION LIMIT {};").format(role, CONNECTION_LIMIT),
        _role_if_missing(role),
        sql.SQL("ALTER ROLE {} SET default_transaction_read_only = on;").format(role),
        sql.SQL("ALTER ROLE {} SET statement_timeout = '5s';").format(role),
        sql.SQL("ALTER ROLE {} SET lock_timeout = '1s';").format(role),
        sql.SQL("-- To see which sessions wait for locks; it shows statistics, no data of Campaign."),
        sql.SQL("GRANT pg_read_all_stats TO {};").format(role),
        sql.SQL("GRANT USAGE ON SCHEMA {} TO {};").format(schema, role),
        sql.SQL("-- To tell how many ids are used up; it lets nobody take one."),
        sql.SQL("GRANT SELECT ON ALL SEQUENCES IN SCHEMA {} TO {};").format(schema, role),
        *(_grant_where_there(schema, role, table, columns) for table, columns in columns_read(asked).items()),
        sql.SQL("-- Delivery logs that not every instance has."),
        *(_grant_if_there(schema, role, table, columns) for table, columns in columns_read(OTHER_LOG_STATEMENTS).items()),
        sql.SQL("-- Only where timestamps have no time zone, and database.timezone is not set in the configuration."),
        sql.SQL("-- It opens the text of all options, in some of which keys stand:"),
        sql.SQL("-- {}").format(grant_columns(schema, role, "xtkoption", ("sstringvalue",))),
        sql.SQL("-- Only for `campaign-exporter why` and campaign_delivery_log_findings_total, which count known phrases"),
        sql.SQL("-- in deliveries' logs, and show none of them. It opens these logs, in which addresses may stand:"),
        sql.SQL("-- {}").format(grant_columns(schema, role, "xtkjoblog", ("ijobid", "ijoblogid", "smessage"))),
        sql.SQL(
            "-- Only for counters of messages by the recipient's domain. The exporter reads nothing but the domain, but this"
        ),
        sql.SQL("-- opens addresses of recipients (and so for the other delivery logs, as far as they are there):"),
        sql.SQL("-- {}").format(grant_columns(schema, role, BROAD_LOGS[0].table, ("saddress",))),
    ]
    return "".join(f"{line.as_string()}\n" for line in lines)


def _role_if_missing(role: sql.Identifier) -> sql.Composed:
    """Make the role unless it is there: the grants can be run again after an upgrade."""
    create = sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION CONNECTION LIMIT {}").format(
        role, CONNECTION_LIMIT
    )
    name = sql.Literal(role.as_string()[1:-1].replace('""', '"'))
    unless = "DO $$BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {}) THEN {}; END IF; END$$;"
    return sql.SQL(unless).format(name, create)


def _grant_where_there(schema: sql.Identifier, role: sql.Identifier, table: str, columns: tuple[str, ...]) -> sql.Composed:
    """Grant the columns; of a table that not every instance has, if it is there."""
    grant = _grant_if_there if table in _OPTIONAL else grant_columns
    return grant(schema, role, table, columns)


def grant_columns(schema: sql.Identifier, role: sql.Identifier, table: str, columns: tuple[str, ...]) -> sql.Composed:
    """Grant the columns that are read, and no others: no content of deliveries, no password of an account."""
    names = sql.SQL(", ").join(sql.Identifier(column) for column in columns)
    return sql.SQL("GRANT SELECT ({}) ON {}.{} TO {};").format(names, schema, sql.Identifier(table), role)


def _grant_if_there(schema: sql.Identifier, role: sql.Identifier, table: str, columns: tuple[str, ...]) -> sql.Composed:
    where = sql.Literal(f"{schema.as_string()}.{sql.Identifier(table).as_string()}")
    grant = grant_columns(schema, role, table, columns)
    return sql.SQL("DO $$BEGIN IF to_regclass({}) IS NOT NULL THEN {} END IF; END$$;").format(where, grant)


def _comment(text: str) -> str:
    return " ".join(text.split())
