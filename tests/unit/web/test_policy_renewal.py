"""The policy in force: what a change of its files does to it."""

import logging
import os
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from campaign_exporter.web.policy import PolicyInForce, read_policy
from integration.web.authority import HASH, Authority

CERTIFICATES = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"
CLIENTS = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n"
USERS = f"basic_auth_users:\n  alice: {HASH}\n"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    authority = Authority(tmp_path)
    authority.issue("server", "localhost")
    return authority


def in_force(directory: Path, text: str) -> PolicyInForce:
    (directory / "web.yml").write_text(text)
    return PolicyInForce(directory / "web.yml", read_policy(directory / "web.yml"))


def look_twice(policy: PolicyInForce) -> None:
    policy.look()
    policy.look()


def test_nothing_is_read_while_nothing_changes(authority: Authority) -> None:
    policy = in_force(authority.directory, CERTIFICATES + USERS)
    first = policy.policy
    look_twice(policy)
    assert policy.policy is first


def change_users(authority: Authority) -> None:
    (authority.directory / "web.yml").write_text(CERTIFICATES + CLIENTS + USERS + f"  bob: {HASH}\n")


def change_certificate(authority: Authority) -> None:
    authority.issue("server", "localhost")


def change_authority(authority: Authority) -> None:
    Authority(authority.directory)


@pytest.mark.parametrize("change", [change_users, change_certificate, change_authority])
def test_a_change_is_taken_over_once_the_files_are_at_rest(
    authority: Authority, change: Callable[[Authority], None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    policy = in_force(authority.directory, CERTIFICATES + CLIENTS + USERS)
    first = policy.policy
    change(authority)
    policy.look()
    assert policy.policy is first
    policy.look()
    second = policy.policy
    assert second is not first
    assert second.passwords is not first.passwords
    look_twice(policy)
    assert policy.policy is second
    assert [record.getMessage() for record in caplog.records] == [
        f"web configuration read again file={authority.directory}/web.yml"
    ]


def test_a_file_that_moves_to_another_certificate_is_followed(authority: Authority) -> None:
    policy = in_force(authority.directory, CERTIFICATES)
    authority.issue("next", "localhost")
    (authority.directory / "web.yml").write_text(CERTIFICATES.replace("server.", "next."))
    look_twice(policy)
    second = policy.policy
    assert authority.directory / "next.key" in second.stamps
    authority.issue("next", "localhost")
    look_twice(policy)
    assert policy.policy is not second


BAD: dict[str, Callable[[Path], object]] = {
    "half a key": lambda directory: (directory / "server.key").write_text("-----BEGIN PRIVATE KEY-----\nMIG"),
    "another key": lambda directory: Authority(directory, "x").issue("server", "localhost", passphrase=b"x"),
    "no certificate": lambda directory: (directory / "server.pem").unlink(),
    "no file": lambda directory: (directory / "web.yml").unlink(),
    "an empty file": lambda directory: (directory / "web.yml").write_text(""),
    "half a file": lambda directory: (directory / "web.yml").write_text(CERTIFICATES + "basic_auth_users:\n  al"),
    "no users yet": lambda directory: (directory / "web.yml").write_text(CERTIFICATES + CLIENTS),
    "no clients yet": lambda directory: (directory / "web.yml").write_text(CERTIFICATES + USERS),
    "half a hash": lambda directory: (directory / "web.yml").write_text((CERTIFICATES + CLIENTS + USERS)[:-9]),
    "no TLS": lambda directory: (directory / "web.yml").write_text(USERS),
}


@pytest.mark.parametrize("spoil", BAD.values(), ids=BAD.keys())
def test_what_cannot_be_used_leaves_the_old_in_force_and_is_said_once(
    authority: Authority, spoil: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    policy = in_force(authority.directory, CERTIFICATES + CLIENTS + USERS)
    first = policy.policy
    spoil(authority.directory)
    for _ in range(5):
        policy.look()
    assert policy.policy is first
    said = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert said
    assert len(set(said)) == len(caplog.records)
    assert all(line.startswith("web configuration not read again, the old one stays in force: ") for line in said)
    assert HASH[:40] not in caplog.text
    authority.issue("server", "localhost")
    (authority.directory / "web.yml").write_text(CERTIFICATES + CLIENTS + USERS)
    look_twice(policy)
    assert policy.policy is not first
    assert caplog.records[-1].getMessage().startswith("web configuration read again")


def test_a_bad_file_that_is_put_back_is_said_to_be_good_again(authority: Authority, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    policy = in_force(authority.directory, USERS)
    file = authority.directory / "web.yml"
    file.rename(file.with_suffix(".old"))
    look_twice(policy)
    file.with_suffix(".old").rename(file)
    look_twice(policy)
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
    look_twice(policy)
    assert len(caplog.records) == 2


def test_names_that_are_let_in_do_not_become_all(authority: Authority, caplog: pytest.LogCaptureFixture) -> None:
    policy = in_force(authority.directory, CERTIFICATES + CLIENTS + "  client_allowed_sans: [a]\n")
    (authority.directory / "web.yml").write_text(CERTIFICATES + CLIENTS)
    look_twice(policy)
    assert policy.server_context().allowed_sans == frozenset({"a"})
    assert "client_allowed_sans: is gone: this takes a restart" in caplog.text


def test_a_secret_of_kubernetes_is_followed(authority: Authority) -> None:
    """Its files are links into a folder that is a link, and only that one changes."""
    directory = authority.directory
    for version in ("one", "two"):
        (directory / version).mkdir()
        Authority(directory / version).issue("server", "localhost")
        (directory / version / "web.yml").write_text(CERTIFICATES)
    mount = directory / "mount"
    mount.mkdir()
    (mount / "data").symlink_to(directory / "one")
    for name in ("web.yml", "server.pem", "server.key"):
        (mount / name).symlink_to(Path("data") / name)
    policy = PolicyInForce(mount / "web.yml", read_policy(mount / "web.yml"))
    first = policy.policy
    (mount / "new").symlink_to(directory / "two")
    os.replace(mount / "new", mount / "data")  # noqa: PTH105 - what the kubelet does
    look_twice(policy)
    assert policy.policy is not first


def test_notices_are_told_at_the_start_and_when_read_again(authority: Authority, caplog: pytest.LogCaptureFixture) -> None:
    authority.issue("server", "localhost", expired=True)
    policy = in_force(authority.directory, CERTIFICATES)
    policy.start()
    policy.stop()
    authority.issue("server", "localhost", expired=True)
    look_twice(policy)
    lines = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert lines == [f"clients will refuse {authority.directory}/server.pem: certificate has expired"] * 2


def test_what_the_file_says_reaches_openssl(authority: Authority) -> None:
    context = in_force(authority.directory, CERTIFICATES + "  max_version: TLS12\n").server_context()
    assert (context.minimum_version, context.maximum_version) == (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2)
    assert context.options & ssl.OP_CIPHER_SERVER_PREFERENCE
    text = CERTIFICATES + "  prefer_server_cipher_suites: false\n  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]\n"
    context = in_force(authority.directory, text).server_context()
    assert not context.options & ssl.OP_CIPHER_SERVER_PREFERENCE
    old = {each["name"] for each in context.get_ciphers() if each["protocol"] != "TLSv1.3"}
    assert old == {"ECDHE-ECDSA-AES128-GCM-SHA256"}
