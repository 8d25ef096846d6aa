"""Another witness of why deliveries wait: SQL, nlserver and the configuration files, and nothing of the simulator's own."""

import re
import subprocess
import xml.etree.ElementTree as ET
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import psycopg

_PROCESS = re.compile(r"^([A-Za-z_]+)(?:@\S+)? \((\d+)\) - ")
ORDER = (
    "scheduled",
    "waiting_wave",
    "waiting_retry",
    "validity_expired",
    "account_inactive",
    "mta_down",
    "stat_server_down",
    "affinity_unconfigured",
    "affinity_host_down",
    "concurrency_limit",
    "workflow_engine_down",
    "awaiting_approval",
    "preparation_stuck",
    "database_blocked",
    "parts_missing",
    "parts_orphaned",
    "mid_sourcing_lag",
)
_BLOCKED = """
SELECT EXISTS (
  SELECT FROM pg_locks l LEFT JOIN pg_locks t ON t.pid = l.pid AND t.locktype = 'tuple' AND t.granted
  WHERE NOT l.granted AND coalesce(l.relation, t.relation) IN (
    SELECT c.oid FROM pg_class c WHERE c.relnamespace = to_regnamespace(quote_ident(current_schema())) AND c.relname IN
      ('nmsdelivery', 'nmsdeliverypart', 'nmsdeliverystat', 'nmsbroadlogmid', 'nmsbroadlogmsg', 'nmsbroadlogrcp',
       'xtkworkflow')))"""
_CAUSES = """
WITH parameters AS (
  SELECT (SELECT iLongValue FROM XtkOption WHERE sName = 'NmsOperation_LimitConcurrency') AS most,
         %(now)s::timestamptz - (SELECT iLongValue FROM XtkOption WHERE sName = 'NmsOperation_DeliveryPreparationWindow')
           * interval '1 day' AS window_start
), d AS (
  SELECT d.*, coalesce(nullif(d.sIPAffinity, ''), t.sIPAffinity) AS affinity,
         d.iDeliveryMode NOT IN (0, 2, 4) AND d.iMessageType IN (0, 1, 41, 42) AS sent_here,
         CASE WHEN d.iMessageType = 1 THEN 'sms' ELSE 'mta' END AS module,
         d.iState IN (51, 61) AS launched,
         d.iState IN (11, 12, 13, 15, 21, 22, 25, 45) AS unlaunched,
         d.iOperationId <> 0 AS campaign, d.iOperationId <> 0 OR d.iWorkflowId <> 0 AS of_workflow
  FROM NmsDelivery d LEFT JOIN NmsTypology t ON t.iTypologyId = d.iTypologyId AND t.iTypologyId <> 0
  WHERE d.iDeliveryId <> 0 AND d.iIsModel = 0 AND d.iDeleteStatus = 0 AND d.iFCP = 0
), p AS (
  SELECT d.iDeliveryId, bool_and(p.tsNextPass > %(now)s) AS all_to_come,
         bool_and(p.iProcessId <> 0 AND p.sHostname = ANY(%(hosts)s)
                  AND (NOT p.sHostname || ':' || d.module = ANY(%(running)s)
                       OR NOT p.sHostname || ':' || p.iProcessId = ANY(%(listed)s)
                         AND p.sHostname || ':mtachild' = ANY(%(running)s)))
           FILTER (WHERE p.tsNextPass <= %(now)s) AS due_are_orphans
  FROM d JOIN NmsDeliveryPart p ON p.iDeliveryId = d.iDeliveryId WHERE p.iDeliveryPartId <> 0 GROUP BY 1
), w AS (
  SELECT w.sInternalName AS name, w.iFailed = 1 OR w.iState IN (0, 13, 20) AS out_of_order,
         w.tsNextProcessing < %(now)s::timestamptz - interval '10 minutes' AS overdue
  FROM XtkWorkflow w WHERE w.iWorkflowId <> 0 AND w.iIsModel = 0
), busy AS (
  SELECT count(*) AS workflows FROM XtkWorkflow WHERE iOperationId <> 0 AND iState = 11 AND iIsModel = 0
)
SELECT iDeliveryId, cause FROM (
  SELECT iDeliveryId, 'scheduled' AS cause FROM d WHERE iState = 51 AND tsContact > %(now)s
  UNION ALL SELECT iDeliveryId, CASE WHEN iState = 61 OR iProcessed > 0 THEN 'waiting_retry' ELSE 'waiting_wave' END
    FROM d JOIN p USING (iDeliveryId) WHERE launched AND all_to_come
  UNION ALL SELECT d.iDeliveryId, 'waiting_retry' FROM d
    JOIN w ON w.name = 'defaultMidSourcingDlv' AND NOT (out_of_order OR coalesce(overdue, false) OR 'wfserver' = ANY(%(down)s))
    LEFT JOIN p USING (iDeliveryId) LEFT JOIN NmsExtAccount a ON a.iExtAccountId = d.iDeliveryProviderId
    WHERE d.iState = 61 AND d.iDeliveryMode = 4 AND p.iDeliveryId IS NULL AND coalesce(d.tsValidity > %(now)s, true)
      AND (a.iExtAccountId = 0 OR coalesce(a.iActive, 1) = 1)
  UNION ALL SELECT iDeliveryId, 'validity_expired' FROM d WHERE launched AND tsValidity <= %(now)s
  UNION ALL SELECT iDeliveryId, 'account_inactive' FROM d
    JOIN NmsExtAccount a ON a.iExtAccountId = d.iDeliveryProviderId WHERE launched AND a.iExtAccountId <> 0 AND a.iActive = 0
  UNION ALL SELECT iDeliveryId, 'mta_down' FROM d WHERE launched AND sent_here AND module = ANY(%(down)s)
  UNION ALL SELECT iDeliveryId, 'stat_server_down' FROM d
    WHERE launched AND sent_here AND iMessageType = 0 AND 'stat' = ANY(%(down)s) AND NOT 'mta' = ANY(%(down)s)
  UNION ALL SELECT iDeliveryId, 'affinity_unconfigured' FROM d
    WHERE launched AND sent_here AND affinity <> '' AND NOT affinity = ANY(%(declared)s)
  UNION ALL SELECT iDeliveryId, 'affinity_host_down' FROM d
    WHERE launched AND sent_here AND module || ':' || affinity = ANY(%(dark)s)
  UNION ALL SELECT iDeliveryId, 'concurrency_limit' FROM d, busy, parameters
    WHERE unlaunched AND campaign AND busy.workflows + (
      SELECT count(*) FROM d AS other WHERE other.campaign AND other.iState BETWEEN 11 AND 22
        AND other.tsLastModified > window_start AND other.iDeliveryId <> d.iDeliveryId) >= most
  UNION ALL SELECT iDeliveryId, 'workflow_engine_down' FROM d WHERE unlaunched AND of_workflow AND (
      'wfserver' = ANY(%(down)s) OR EXISTS (SELECT FROM w WHERE name IN ('operationMgt', 'deliveryMgt') AND out_of_order))
  UNION ALL SELECT iDeliveryId, 'awaiting_approval' FROM d WHERE iState IN (25, 45) AND 0 <> iUseContentValidation
      + iUseTargetValidation + iUseExtractionValidation + iUseBudgetValidation + iUseFCPValidation
  UNION ALL SELECT iDeliveryId, 'preparation_stuck' FROM d
    WHERE iState IN (11, 12, 13, 21, 22) AND tsLastModified < %(now)s::timestamptz - %(preparation)s * interval '1 second'
  UNION ALL SELECT iDeliveryId, 'database_blocked' FROM d WHERE launched AND %(blocked)s
  UNION ALL SELECT iDeliveryId, 'parts_missing' FROM d LEFT JOIN p USING (iDeliveryId)
    WHERE iState = 51 AND sent_here AND p.iDeliveryId IS NULL
  UNION ALL SELECT iDeliveryId, 'parts_orphaned' FROM d JOIN p USING (iDeliveryId) WHERE launched AND due_are_orphans
  UNION ALL SELECT iDeliveryId, 'mid_sourcing_lag' FROM d, w WHERE launched AND iDeliveryMode = 4
    AND w.name = 'defaultMidSourcingDlv' AND (out_of_order OR overdue OR 'wfserver' = ANY(%(down)s))
  UNION ALL SELECT iDeliveryId, 'unknown' FROM d WHERE launched
) AS found JOIN d USING (iDeliveryId), parameters
WHERE launched OR tsContact BETWEEN window_start AND %(now)s
"""


@dataclass
class Platform:
    """What the servers say of themselves."""

    listed: list[str] = field(default_factory=list)  # host:process id
    running: list[str] = field(default_factory=list)  # host:module
    expected: list[str] = field(default_factory=list)  # host:module
    declaring: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  # hosts, by affinity
    preparation: int = 0  # seconds

    @property
    def hosts(self) -> list[str]:
        return sorted({entry.partition(":")[0] for entry in self.expected})

    @property
    def down(self) -> list[str]:
        """Modules that are to run, and run nowhere."""
        up = {entry.partition(":")[2] for entry in self.running}
        return sorted({entry.partition(":")[2] for entry in self.expected} - up)

    @property
    def dark(self) -> list[str]:
        """Affinities that only hosts declare which are to run a module and do not, as module:affinity."""
        idle = set(self.expected) - set(self.running)
        return [
            f"{module}:{affinity}"
            for module in ("mta", "sms")
            for affinity, hosts in self.declaring.items()
            if all(f"{host}:{module}" in idle for host in hosts)
        ]


def look_at(hosts: Path) -> Platform:
    """Ask every server in a folder."""
    platform = Platform()
    for host in sorted(hosts.iterdir()):
        listing = subprocess.run([str(host / "nlserver"), "pdump"], capture_output=True, text=True, check=True).stdout
        for module, process in filter(None, (_found(line) for line in listing.splitlines())):
            platform.listed.append(f"{host.name}:{process}")
            platform.running.append(f"{host.name}:{module}")
        for path in (host / "serverConf.xml", host / "config-default.xml", *host.glob("config-[!d]*.xml")):
            _read(platform, host.name, ET.parse(path).getroot())
    return platform


def causes_by_delivery(connection: psycopg.Connection, hosts: Path, now: datetime) -> dict[int, tuple[str, ...]]:
    """Return all causes of every delivery that is pending, in order of precedence."""
    platform = look_at(hosts)
    blocked = connection.execute(_BLOCKED.encode()).fetchone()
    parameters = {
        "now": now,
        "hosts": platform.hosts,
        "listed": platform.listed,
        "running": platform.running,
        "down": platform.down,
        "declared": list(platform.declaring),
        "dark": platform.dark,
        "preparation": platform.preparation,
        "blocked": blocked is not None and blocked[0],
    }
    found: dict[int, set[str]] = defaultdict(set)
    for delivery, cause in connection.execute(_CAUSES.encode(), parameters):
        found[delivery].add(cause)
    return {
        delivery: tuple(sorted(causes - {"unknown"}, key=ORDER.index)) or ("unknown",) for delivery, causes in found.items()
    }


def _found(line: str) -> tuple[str, str] | None:
    match = _PROCESS.match(line)
    return (match[1], match[2]) if match else None


def _read(platform: Platform, host: str, root: ET.Element) -> None:
    platform.expected += [f"{host}:{module.tag}" for module in root if module.get("autoStart") == "true"]
    for affinity in root.iter("IPAffinity"):
        for name in affinity.get("name", "").split(";"):
            platform.declaring[name].append(host)
    for monitoring in root.iter("monitoring"):
        platform.preparation = int(monitoring.get("maxPreparationJobsSec", "0"))
