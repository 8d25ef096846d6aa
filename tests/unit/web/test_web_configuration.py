"""The web configuration as a file: what is good, and one line for each thing that is not."""

import re
import ssl
import string
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from campaign_exporter.document import ConfigurationError
from campaign_exporter.web.policy import read_policy
from campaign_exporter.web.tls import names_of
from campaign_exporter.web.vocabulary import CIPHERS, CIPHERS_OF_TLS13, CLIENT_AUTH, CURVES, VERSIONS
from integration.web.authority import HASH, Authority

TLS = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("certificates")
    authority = Authority(directory)
    authority.issue("server", "localhost")
    authority.issue("other", "localhost")
    authority.issue("expired", "localhost", expired=True)
    authority.issue("closed", "localhost", passphrase=b"secret")
    authority.issue_weak("weak")
    (directory / "empty.pem").write_text("")
    (directory / "half.key").write_text((directory / "server.key").read_text()[:100])
    (directory / "text.pem").write_text("-----BEGIN CERTIFICATE-----\nno base64\n-----END CERTIFICATE-----\n")
    return directory


def problems(directory: Path, text: str) -> list[str]:
    file = directory / "web.yml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        read_policy(file)
    return [str(problem).removeprefix(f"{file}:").replace(f"{directory}/", "") for problem in caught.value.problems]


def protection(directory: Path, text: str) -> str:
    file = directory / "web.yml"
    file.write_text(text)
    return read_policy(file).protection


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "none"),
        ("# nothing\n", "none"),
        ("tls_server_config:\nhttp_server_config:\nbasic_auth_users:\n", "none"),
        ("tls_server_config: {}\nbasic_auth_users: {}\n", "none"),
        ("http_server_config: {http2: false, headers: {Content-Security-Policy: }}\n", "none"),
        (f"basic_auth_users: {{alice: {HASH}}}\n", "passwords"),
        (f"basic_auth_users: {{'': {HASH}, 123: {HASH.replace('$2b$', '$2y$')}}}\n", "passwords"),
        (TLS, "TLS"),
        (TLS + "  client_ca_file: ''\n  cipher_suites:\n", "TLS"),
        (TLS + "  client_ca_file: ca.pem\n  client_auth_type: VerifyClientCertIfGiven\n", "TLS"),
        (TLS + "  client_ca_file: ca.pem\n  client_auth_type: RequireAndVerifyClientCert\n", "TLS, client certificates"),
    ],
)
def test_good_files(directory: Path, text: str, expected: str) -> None:
    assert protection(directory, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a\n", "1: must be a mapping of keys to values"),
        ("basic_auth_user: {}\n", "1: basic_auth_user: unknown key: did you mean basic_auth_users?"),
        ("rate_limit: {}\n", "1: rate_limit: unknown key: allowed here: tls_server_config, http_server_config, basic"),
        ("tls_server_config: 1\n", "1: tls_server_config: must be a mapping of keys to values"),
        ("tls_server_config: {cert_file: server.pem}\n", "1: tls_server_config: lacks the key key_file: add it"),
        ("tls_server_config: {key_file: server.key, cert_file: }\n", "1: tls_server_config: lacks the key cert_file: add it"),
        (TLS + "  client_ca: x\n", "4: tls_server_config.client_ca: unknown key: did you mean client_ca_file?"),
        ("basic_auth_users: [alice]\n", "1: basic_auth_users: must be a mapping of keys to values"),
        ("basic_auth_users: {alice: }\n", "1: basic_auth_users.alice: must be text: put it in quotes"),
        (f"basic_auth_users: {{'a:b': {HASH}}}\n", "1: basic_auth_users.a:b: a user's name cannot hold a colon"),
        ("http_server_config: {http2: often}\n", "1: http_server_config.http2: must be true or false"),
        ("\n\ntls_server_config: {{\n", "4: is no YAML: "),
    ],
)
def test_bad_files(directory: Path, text: str, expected: str) -> None:
    [found] = problems(directory, text)
    assert found.startswith(expected)


def test_each_header_is_checked(directory: Path) -> None:
    text = (
        'http_server_config:\n  headers:\n    X-Frame-Options: never\n    X-Frame-Option: deny\n    X-XSS-Protection: "a\\nb"\n'
    )
    assert problems(directory, text) == [
        "3: http_server_config.headers.X-Frame-Options: must be 'deny', 'sameorigin' or ''",
        "4: http_server_config.headers.X-Frame-Option: unknown key: did you mean X-Frame-Options?",
        "5: http_server_config.headers.X-XSS-Protection: must be one line of ASCII text",
    ]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("min_version: TLS14", "min_version: is not known: did you mean TLS13?"),
        ("min_version: 1.2", "min_version: must be text: put it in quotes"),
        (
            "cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA25]",
            "cipher_suites[0]: is not known: did you mean TLS_ECDHE_RSA_",
        ),
        ("curve_preferences: [CurveP256, P384]", "curve_preferences[1]: is not known: did you mean CurveP384?"),
        ("curve_preferences: [CurveP256, X25519]", "curve_preferences: can hold to a single curve here: name the best one"),
        ("client_auth_type: RequestClientCert", "client_auth_type: would take certificates that nobody has verified (RequestC"),
        (
            "client_auth_type: RequireAnyClientCert",
            "client_auth_type: would take certificates that nobody has verified (Requir",
        ),
        ("client_auth_type: RequireAndVerify", "client_auth_type: is not known: did you mean RequireAndVerifyClientCert?"),
        (
            "client_auth_type: VerifyClientCertIfGiven",
            "client_auth_type: needs client_ca_file: name the authority whose clients",
        ),
        (
            "client_ca_file: ca.pem",
            "client_ca_file: is of no use without client_auth_type: set it to RequireAndVerifyClientCert",
        ),
        ("client_allowed_sans: [a]", "client_allowed_sans: needs client_auth_type RequireAndVerifyClientCert: set it"),
        (
            "client_ca_file: ca.pem, client_auth_type: RequireAndVerifyClientCert, client_allowed_sans: []",
            "client_allowed_sans: lets nobody in: name the clients, or remove it",
        ),
        ("min_version: TLS13, max_version: TLS12", "min_version: leaves nothing to serve with max_version TLS12: change"),
        (
            "max_version: TLS12, cipher_suites: [TLS_AES_128_GCM_SHA256]",
            "cipher_suites: leaves nothing to serve with max_version TLS12: change one of the two",
        ),
    ],
)
def test_what_does_not_go_together(directory: Path, keys: str, expected: str) -> None:
    [found] = problems(directory, f"tls_server_config: {{\n  cert_file: server.pem, key_file: server.key,\n  {keys}\n}}\n")
    assert found.startswith(f"3: tls_server_config.{expected}")


NO_CERTIFICATE = "2: tls_server_config.cert_file: holds no certificate that can be read: it must be PEM text"
NO_KEY = "3: tls_server_config.key_file: holds no private key that can be read: it must be PEM text"


@pytest.mark.parametrize(
    ("certificate", "key", "expected"),
    [
        ("none.pem", "server.key", "2: tls_server_config.cert_file: none.pem is not there"),
        ("server.pem", "none.key", "3: tls_server_config.key_file: none.key is not there"),
        ("server.pem", "/", "3: tls_server_config.key_file: / cannot be read: Is a directory"),
        ("empty.pem", "server.key", NO_CERTIFICATE),
        ("text.pem", "server.key", NO_CERTIFICATE),
        ("server.key", "server.pem", NO_CERTIFICATE),
        ("server.pem", "empty.pem", NO_KEY),
        ("server.pem", "half.key", NO_KEY),
        ("server.pem", "other.key", "3: tls_server_config.key_file: does not fit the certificate in cert_file: name the two"),
        (
            "closed.pem",
            "closed.key",
            "3: tls_server_config.key_file: is protected by a passphrase, and nobody is there to give",
        ),
        ("weak.pem", "weak.key", "2: tls_server_config.cert_file: is too weak for OpenSSL (ee key too small): make a stronger"),
    ],
)
def test_files_that_cannot_be_used(directory: Path, certificate: str, key: str, expected: str) -> None:
    [found] = problems(directory, f"tls_server_config:\n  cert_file: {certificate}\n  key_file: {key}\n")
    assert found.startswith(expected)


def test_a_client_ca_that_holds_none(directory: Path) -> None:
    text = TLS + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: "
    said = "5: tls_server_config.client_ca_file: "
    assert problems(directory, text + "empty.pem") == [said + "holds no certificate that can be read: it must be PEM text"]
    assert problems(directory, text + "none.pem") == [said + "none.pem is not there"]


def test_one_section_does_not_hide_the_faults_of_another(directory: Path) -> None:
    text = (
        "tls_server_config:\n  cert_file: server.pem\n  key_file: other.key\n  client_allowed_sans: [a]\n"
        "http_server_config:\n  http2: 7\n"
        "basic_auth_users:\n  alice: hunter2\n  bob: ${NOT_THERE_AT_ALL}\n"
        "users: {}\n"
    )
    lines = problems(directory, text)
    assert [line.split(":")[0] for line in lines] == ["3", "4", "6", "8", "9", "9", "10"]
    assert "hunter2" not in "".join(lines)


def test_a_certificate_that_clients_refuse_is_served_with_a_warning(directory: Path) -> None:
    file = directory / "web.yml"
    file.write_text("tls_server_config: {cert_file: expired.pem, key_file: expired.key}\n")
    assert read_policy(file).notices == (f"clients will refuse {directory}/expired.pem: certificate has expired",)
    file.write_text(TLS)
    assert read_policy(file).notices == ()


@pytest.mark.parametrize(
    ("change", "good"),
    [
        (lambda text: text, True),
        (lambda text: text.replace("$2b$", "$2y$"), True),
        (lambda text: text.replace("$2b$", "$2a$"), True),
        (lambda text: text.replace("$2b$", "$2x$"), False),
        (lambda text: text.replace("$2b$", "$1$"), False),
        (lambda text: text[:-1], False),
        (lambda text: text + "a", False),
        (lambda text: text.replace("$04$", "$03$"), False),
        (lambda text: text.replace("$04$", "$32$"), False),
        (lambda text: text[:28] + "z" + text[29:], False),
    ],
)
def test_what_is_a_bcrypt_hash(directory: Path, change: object, good: object) -> None:
    assert callable(change)
    text = f"basic_auth_users: {{alice: '{change(HASH)}'}}\n"
    if good:
        assert protection(directory, text) == "passwords"
    else:
        said = (
            "1: basic_auth_users.alice: is no bcrypt hash, which begins with $2y$, $2b$ or $2a$ and has 60 characters: make one"
        )
        assert problems(directory, text) == [said]


def test_a_cost_that_would_stop_scrapes_is_refused_with_what_it_would_do(directory: Path) -> None:
    [found] = problems(directory, f"basic_auth_users: {{alice: {HASH.replace('$04$', '$20$')}}}\n")
    assert found == (
        "1: basic_auth_users.alice: has the cost 20: each password that is tried would take about 61 s of a processor, and a "
        "scrape gives up before: make it anew with a cost of 10, at most 14"
    )
    assert protection(directory, f"basic_auth_users: {{alice: {HASH.replace('$04$', '$14$')}}}\n") == "passwords"


WORDS = st.sampled_from(
    [
        *("tls_server_config", "http_server_config", "basic_auth_users", "headers", "cert_file", "key_file", "client_ca_file"),
        *("client_auth_type", "client_allowed_sans", "min_version", "max_version", "cipher_suites", "curve_preferences"),
        *("prefer_server_cipher_suites", "http2", "X-Frame-Options", "Content-Security-Policy", "alice", "hunter2", "root"),
        *("server.pem", "server.key", "ca.pem", "empty.pem", ".", "~nobody-here/x", "a\0b", "", "deny", HASH),
        *(*VERSIONS, *CLIENT_AUTH, *CURVES, *list(CIPHERS)[:3], *CIPHERS_OF_TLS13[:1], "RequestClientCert"),
    ]
)
LEAVES = st.one_of(WORDS, st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.dates())
SHAPES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=6), max_leaves=25
)
KEYS = st.fixed_dictionaries(
    {"cert_file": st.just("server.pem"), "key_file": st.just("server.key")},
    optional={
        "client_auth_type": st.sampled_from([*CLIENT_AUTH]),
        "client_ca_file": st.sampled_from(["ca.pem", "none.pem"]),
        "min_version": st.sampled_from([*VERSIONS]),
        "max_version": st.sampled_from([*VERSIONS]),
        "cipher_suites": st.lists(st.sampled_from([*CIPHERS, *CIPHERS_OF_TLS13]), max_size=3),
        "curve_preferences": st.lists(st.sampled_from([*CURVES]), max_size=2),
        "client_allowed_sans": st.lists(WORDS, max_size=2),
        "prefer_server_cipher_suites": LEAVES,
    },
)
FILES = st.one_of(
    SHAPES,
    st.fixed_dictionaries({"tls_server_config": KEYS | SHAPES, "basic_auth_users": SHAPES, "http_server_config": SHAPES}),
)


def faults_of(file: Path) -> list[str]:
    """Give the lines that tell what is wrong with a file, if anything is."""
    try:
        read_policy(file)
    except ConfigurationError as error:
        return [str(problem) for problem in error.problems] or ["nothing said"]
    return []


@settings(max_examples=150, deadline=None)
@given(data=FILES)
def test_whatever_the_file_holds_there_is_a_policy_or_a_line_each(directory: Path, data: object) -> None:
    file = directory / "any.yml"
    file.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8", errors="surrogatepass")
    lines = faults_of(file)
    assert all(re.fullmatch(rf"{re.escape(str(file))}(:[0-9]+)?: .+", line) for line in lines)
    assert HASH not in "".join(line.split(": ", 2)[-1] for line in lines)


@settings(max_examples=100, deadline=None)
@given(content=st.text(alphabet=string.printable, max_size=60).map(str.encode) | st.binary(max_size=60))
def test_a_file_that_is_no_yaml_is_a_line(directory: Path, content: bytes) -> None:
    file = directory / "bytes.yml"
    file.write_bytes(content)
    assert not any("\n" in line for line in faults_of(file))


def test_each_cipher_suite_is_the_same_to_go_and_to_openssl() -> None:
    """The numbers are those of IANA's registry; Go names its suites as the registry does."""
    numbers = {
        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": 0xC009,
        "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": 0xC00A,
        "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": 0xC013,
        "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": 0xC014,
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": 0xC02B,
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": 0xC02C,
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": 0xC02F,
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": 0xC030,
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": 0xCCA8,
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": 0xCCA9,
    }
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found = {}
    for name, known_as in CIPHERS.items():
        context.set_ciphers(known_as)
        found[name] = next(each["id"] & 0xFFFF for each in context.get_ciphers() if each["name"] == known_as)
    assert found == numbers
    assert {each["name"] for each in context.get_ciphers()} >= set(CIPHERS_OF_TLS13)


def test_the_names_of_a_client_are_written_as_go_writes_them() -> None:
    """The left side is how Python's ssl gives them."""
    names = [
        ("DNS", "a.example"),
        ("email", "sre@a.example"),
        ("URI", "spiffe://a/b"),
        ("IP Address", "10.1.2.3"),
        ("IP Address", "2001:DB8:0:0:0:0:0:1"),
        ("IP Address", "<invalid>"),
        ("DirName", ((("commonName", "other"),),)),
        ("Registered ID", "1.2.3"),
    ]
    found = list(names_of({"subjectAltName": names}))
    assert found == ["a.example", "sre@a.example", "spiffe://a/b", "10.1.2.3", "2001:db8::1"]
    assert list(names_of({})) == []
