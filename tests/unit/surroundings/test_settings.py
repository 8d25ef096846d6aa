"""What a configuration may say of endpoints' servers, files, error statistics and recipients."""

from pathlib import Path

import pytest

from campaign_exporter.config import Config, load_config
from campaign_exporter.document import ConfigurationError
from campaign_exporter.grants import grants_sql

ENDPOINT = "instances: [{name: a, endpoints: [{name: e, kind: resource, url: 'https://x/y.png', %s}]}]"
HOST = "instances: [{name: a, hosts: [{name: h, %s}]}]"
COLLECTORS = "instances: [{name: a, database: {dsn: 'postgresql://u@h/d'}}]\ncollectors: {deliverability: {%s}}"
RECIPIENTS = COLLECTORS.replace("deliverability", "recipients")


def loaded(tmp_path: Path, text: str) -> Config:
    file = tmp_path / "a.yaml"
    file.write_text(text, encoding="utf-8")
    return load_config(file, {})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (ENDPOINT % "addresses: ['http://10.0.0.1']", "must be a server, with a port where that is another"),
        (ENDPOINT % "addresses: ['10.0.0.1:0']", "must be a server, with a port where that is another"),
        (ENDPOINT % "addresses: ['u:secret@10.0.0.1']", "must be a server, with a port where that is another"),
        (ENDPOINT % "addresses: ['10.0.0.1:99999']", "must be a server, with a port where that is another"),
        (ENDPOINT % "addresses: ['']", "must be a server, with a port where that is another"),
        (ENDPOINT % "addresses: [web1, web1]", "must not name one twice"),
        (ENDPOINT.replace("resource", "redirection") % "content_type: image/", "content_type goes with kind resource only"),
        (HOST % "files: {var: /v, log: /l}", "give both temporary and var, or neither: they are compared"),
        (HOST % "files: {most_files: 5}", "names nothing to look at"),
        (HOST % "files: {log: /l, most_files: 0}", "most_files"),
        (HOST % "files: {log: /l}, agent: {url: 'https://h'}", "give files to the agent, and remove it here"),
        (COLLECTORS % "window: 5m", "window"),
        (COLLECTORS % "table_size: 501", "table_size"),
        (RECIPIENTS % "rows: 0", "rows"),
        (RECIPIENTS % "rows: 10001", "rows"),
        (RECIPIENTS % "inactive_after: 1h", "inactive_after"),
        (RECIPIENTS % "inactive_after: 3651d", "inactive_after"),
    ],
)
def test_a_slip_is_one_line_with_the_mend(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        loaded(tmp_path, text)
    (said,) = caught.value.problems
    assert problem in str(said)
    assert "secret" not in str(said)


def test_servers_are_names_or_addresses_with_a_port_or_without(tmp_path: Path) -> None:
    servers = ("10.0.0.1", "web1:8443", "[::1]", "[::1]:8443", "web2.example")
    config = loaded(tmp_path, ENDPOINT % f"addresses: {list(servers)}")
    assert config.instances[0].endpoints[0].addresses == servers


def test_paths_of_files_are_relative_to_the_configuration(tmp_path: Path) -> None:
    config = loaded(tmp_path, HOST % "files: {var: var, temporary: tmp, working: var/mta, log: var/mta.log, cores: [var]}")
    files = config.instances[0].hosts[0].files
    assert files is not None
    assert (files.log, files.cores) == (tmp_path / "var/mta.log", (tmp_path / "var",))


def test_what_is_not_said_suits_production(tmp_path: Path) -> None:
    config = loaded(tmp_path, COLLECTORS % "")
    assert config.collectors.deliverability.window == 3600
    assert config.collectors.deliverability.interval == config.collectors.files.interval == 60


def test_recipients_are_counted_on_demand_only_and_only_then_their_columns_are_granted(tmp_path: Path) -> None:
    usual, on_demand = (loaded(tmp_path, RECIPIENTS % text) for text in ("", "enabled: true"))
    assert (usual.collectors.recipients.enabled, on_demand.collectors.recipients.enabled) == (False, True)
    assert (usual.collectors.recipients.inactive_after, usual.collectors.recipients.rows) == (180 * 86400, 1000)
    lines, more = (set(grants_sql(config).splitlines()) for config in (usual, on_demand))
    denylists = (
        '"iblacklist", "iblacklistemail", "iblacklistfax", "iblacklistmobile", "iblacklistphone", "iblacklistpostalmail"'
    )
    assert {line.partition(" TO ")[0] for line in more - lines} == {
        f'GRANT SELECT ({denylists}, "irecipientid", "tscreated") ON "public"."nmsrecipient"',
        'GRANT SELECT ("irecipientid", "tslog") ON "public"."nmstrackinglogrcp"',
    }
    assert not any("irecipientid" in line for line in lines)
