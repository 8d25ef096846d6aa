"""The SQL for a role that can read what the exporter reads, and nothing else."""

from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from campaign_exporter.config import Config, Database, Instance
from campaign_exporter.sources.statements import columns_read

_DEFAULT_ROLE = "campaign_monitor"


def grants_sql(config: Config) -> str:
    """Write it for each instance with a database, to be run by the owner of Campaign's tables or a superuser."""
    return "\n".join(_for_instance(instance, instance.database) for instance in config.instances if instance.database)


def _for_instance(instance: Instance, database: Database) -> str:
    given = conninfo_to_dict(database.dsn)
    role = sql.Identifier(str(given.get("user") or _DEFAULT_ROLE))
    schema = sql.Identifier(database.schema_name)
    lines = [
        sql.SQL("-- Instance {}: run in database {}. Set the password with \\password afterwards.").format(
            sql.SQL(_comment(instance.name)), sql.SQL(_comment(str(given.get("dbname", ""))))
        ),
        sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION CONNECTION LIMIT 2;").format(role),
        sql.SQL("ALTER ROLE {} SET default_transaction_read_only = on;").format(role),
        sql.SQL("ALTER ROLE {} SET statement_timeout = '5s';").format(role),
        sql.SQL("ALTER ROLE {} SET lock_timeout = '1s';").format(role),
        sql.SQL("-- To see which sessions wait for locks; it shows statistics, no data of Campaign."),
        sql.SQL("GRANT pg_read_all_stats TO {};").format(role),
        sql.SQL("GRANT USAGE ON SCHEMA {} TO {};").format(schema, role),
        *(_grant(schema, role, table, columns) for table, columns in columns_read().items()),
    ]
    return "".join(f"{line.as_string()}\n" for line in lines)


def _grant(schema: sql.Identifier, role: sql.Identifier, table: str, columns: tuple[str, ...]) -> sql.Composed:
    """Grant the columns that are read, and no others: no content of deliveries, no password of an account."""
    names = sql.SQL(", ").join(sql.Identifier(column) for column in columns)
    return sql.SQL("GRANT SELECT ({}) ON {}.{} TO {};").format(names, schema, sql.Identifier(table), role)


def _comment(text: str) -> str:
    return " ".join(text.split())
