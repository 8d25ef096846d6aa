"""What is asked of PostgreSQL's own catalogue: for `doctor`, who we are, what we may and what is in force; how big a table is.

At the beginning of each session, whose it is. None reads a table of Campaign but the last.
What tries to write is refused, or undone, or only planned: see `attempts`.
"""

from campaign_exporter.sources.statement import Statement

# Of the catalogue, which no lock on a table keeps from being read. Both numbers are estimates that ANALYZE and VACUUM renew.
SIZES = Statement(
    "sizes of tables",
    """
SELECT c.relname::text, c.reltuples::float8, c.relpages FROM pg_class c
WHERE c.relnamespace = to_regnamespace(quote_ident(current_schema())) AND c.relname = ANY(%(tables)s)
""",
)

# Not behind a pooler: its sessions are others' as well, and it is the pooler that the server must notice the loss of.
KEEPALIVES = Statement(
    "keepalives of the session",
    """
SELECT set_config(s.name, s.value, false) FROM unnest(%(names)s::text[], %(values)s::text[]) AS s(name, value)
WHERE pg_backend_pid() = %(backend)s
""",
)

# Numbers of processes come again, as after a restart of the server: with when each began, they do not.
OUR_BACKENDS = Statement(
    "backends of ours",
    """
SELECT a.pid, date_part('epoch', a.backend_start) FROM pg_stat_activity a
WHERE a.pid = ANY(%(pids)s) AND a.usename = current_user
""",
)

SERVER = Statement(
    "server",
    """
SELECT current_setting('server_version_num')::int, current_setting('server_version'), r.rolname::text,
  current_database()::text, pg_is_in_recovery(), pg_backend_pid(),
  (SELECT s.version FROM pg_stat_ssl s WHERE s.pid = pg_backend_pid()),
  (SELECT count(*) FROM pg_stat_activity a WHERE a.usesysid = r.oid), r.rolconnlimit,
  array_remove(ARRAY[
    CASE WHEN r.rolsuper THEN 'SUPERUSER' END, CASE WHEN r.rolcreatedb THEN 'CREATEDB' END,
    CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END, CASE WHEN r.rolreplication THEN 'REPLICATION' END,
    CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END], NULL),
  ARRAY(SELECT m.rolname::text FROM pg_roles m WHERE m.oid <> r.oid AND pg_has_role(r.oid, m.oid, 'MEMBER') ORDER BY 1)
FROM pg_roles r WHERE r.rolname = current_user
""",
)

SETTINGS = Statement(
    "settings in force",
    """
SELECT name, setting FROM pg_settings WHERE name IN ('transaction_read_only', 'transaction_isolation', 'statement_timeout',
  'lock_timeout', 'idle_in_transaction_session_timeout', 'TimeZone')
""",
)

# What is set for all, for the database, for the role, and for the role in the database; the last one wins.
ROLE_SETTINGS = Statement(
    "settings of the role",
    """
SELECT split_part(given, '=', 1), split_part(given, '=', 2)
FROM pg_db_role_setting s CROSS JOIN LATERAL unnest(s.setconfig) given
WHERE s.setrole IN (0, (SELECT r.oid FROM pg_roles r WHERE r.rolname = current_user))
  AND s.setdatabase IN (0, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
  AND split_part(given, '=', 1) IN ('default_transaction_read_only', 'statement_timeout', 'lock_timeout',
    'idle_in_transaction_session_timeout')
ORDER BY s.setrole <> 0, s.setdatabase <> 0
""",
)

# The schema that is configured, and those that hold Campaign's deliveries.
SCHEMAS = Statement(
    "schemas",
    """
SELECT n.nspname::text, has_schema_privilege(n.oid, 'USAGE'), has_schema_privilege(n.oid, 'CREATE'), held.there,
  ARRAY(SELECT CASE WHEN x.grantee = 0 THEN '' ELSE pg_get_userbyid(x.grantee)::text END
    FROM aclexplode(n.nspacl) x WHERE x.privilege_type = 'CREATE'
      AND CASE WHEN x.grantee = 0 THEN true ELSE pg_has_role(x.grantee, 'USAGE') END ORDER BY 1)
FROM pg_namespace n CROSS JOIN LATERAL (
  SELECT EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = 'nmsdelivery') AS there
) held
WHERE n.nspname = %(schema)s OR held.there
""",
)

# Tables, views and sequences of the schema of which we may read the whole, or that we may change; '' stands for PUBLIC.
WIDE_RIGHTS = Statement(
    "rights on whole tables",
    """
WITH relation AS (
  SELECT c.oid, c.relname, c.relowner, c.relacl, pg_has_role(c.relowner, 'MEMBER') AS owned,
    c.relkind <> 'S' AND has_table_privilege(c.oid, 'SELECT') AS whole,
    CASE WHEN c.relkind = 'S' THEN array_remove(ARRAY[
      CASE WHEN has_sequence_privilege(c.oid, 'USAGE') THEN 'USAGE' END,
      CASE WHEN has_sequence_privilege(c.oid, 'UPDATE') THEN 'UPDATE' END], NULL)
    ELSE array_remove(ARRAY[
      CASE WHEN has_any_column_privilege(c.oid, 'INSERT') THEN 'INSERT' END,
      CASE WHEN has_any_column_privilege(c.oid, 'UPDATE') THEN 'UPDATE' END,
      CASE WHEN has_table_privilege(c.oid, 'DELETE') THEN 'DELETE' END,
      CASE WHEN has_table_privilege(c.oid, 'TRUNCATE') THEN 'TRUNCATE' END], NULL)
    END AS writes, c.relkind = 'S' AS sequence
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = %(schema)s AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
), given AS (
  SELECT r.oid, x.privilege_type, x.grantee, true AS whole FROM relation r CROSS JOIN LATERAL aclexplode(r.relacl) x
  UNION ALL
  SELECT r.oid, x.privilege_type, x.grantee, false FROM relation r
    JOIN pg_attribute a ON a.attrelid = r.oid AND a.attacl IS NOT NULL CROSS JOIN LATERAL aclexplode(a.attacl) x
), ours AS (
  SELECT g.oid, g.privilege_type, g.whole, CASE WHEN g.grantee = 0 THEN '' ELSE pg_get_userbyid(g.grantee)::text END AS grantee
  FROM given g WHERE CASE WHEN g.grantee = 0 THEN true ELSE pg_has_role(g.grantee, 'USAGE') END
)
SELECT r.relname::text, r.sequence, pg_get_userbyid(r.relowner)::text, r.owned, r.whole, r.writes,
  ARRAY(SELECT DISTINCT o.grantee FROM ours o WHERE o.oid = r.oid AND o.whole AND o.privilege_type = 'SELECT'),
  ARRAY(SELECT DISTINCT o.grantee FROM ours o WHERE o.oid = r.oid AND o.privilege_type = ANY(r.writes))
FROM relation r WHERE r.whole OR r.owned OR r.writes <> '{}' ORDER BY 1
""",
)

# Only columns with a right of their own: the others follow their table.
COLUMN_RIGHTS = Statement(
    "rights on columns",
    """
SELECT c.relname::text, a.attname::text,
  ARRAY(SELECT DISTINCT CASE WHEN x.grantee = 0 THEN '' ELSE pg_get_userbyid(x.grantee)::text END
    FROM aclexplode(a.attacl) x WHERE x.privilege_type = 'SELECT'
      AND CASE WHEN x.grantee = 0 THEN true ELSE pg_has_role(x.grantee, 'USAGE') END)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attacl IS NOT NULL AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = %(schema)s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND has_column_privilege(c.oid, a.attnum, 'SELECT') AND NOT has_table_privilege(c.oid, 'SELECT')
ORDER BY 1, 2
""",
)

# Attempts to write. In a read-only transaction PostgreSQL refuses the first two before it does anything. The third is only
# planned, which asks for the same rights: no row, no trigger and no rule is touched even where the role may write. Each takes
# the lock of an UPDATE on the table (ROW EXCLUSIVE, which lets everybody read and write) until it is undone at once.
UPDATE_NOTHING = Statement("UPDATE", "UPDATE nmsdelivery SET ideliveryid = ideliveryid WHERE false")
CREATE_TABLE = Statement("CREATE TABLE", "CREATE TABLE campaign_exporter_doctor ()")
PLAN_UPDATE = Statement("planned UPDATE", "EXPLAIN UPDATE nmsdelivery SET ideliveryid = ideliveryid WHERE false")

# By how far the newest change of a delivery lies ahead of the clock: more than a little, and the time zone is wrong.
NEWEST_CHANGE = Statement(
    "newest change",
    """
SELECT date_part('epoch', max(d.tslastmodified)::timestamptz) - date_part('epoch', now())
FROM nmsdelivery d WHERE d.ideliveryid <> 0 AND d.tslastmodified < 'infinity'
""",
    {"nmsdelivery": ("ideliveryid", "tslastmodified")},
)

SESSION_STATEMENTS: tuple[Statement, ...] = (KEEPALIVES, OUR_BACKENDS)
CATALOGUE_STATEMENTS: tuple[Statement, ...] = (
    SERVER,
    SETTINGS,
    ROLE_SETTINGS,
    SCHEMAS,
    WIDE_RIGHTS,
    COLUMN_RIGHTS,
    NEWEST_CHANGE,
)
