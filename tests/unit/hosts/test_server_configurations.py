"""Server configurations: what they declare, and that nothing of their passwords comes out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaign_exporter.domain.server_configuration import (
    FAULTS,
    Address,
    ServerConfiguration,
    parse_server_configuration,
)
from campaign_exporter.errors import Unreadable

MB = 1 << 20
PASSWORD = "Tr0ub4dor"
INSTANCE = b"""<?xml version='1.0'?>
<serverconf>
  <shared>
    <!-- add lang="eng" to dataStore to force English for the instance -->
    <dataStore hosts="tracking.campaign.net*,console.campaign.net*">
      <mapping logical="*" physical="default"/>
    </dataStore>  </shared>
    <mta autoStart="true" statServerAddress="localhost"/>
    <wfserver autoStart="true"/>
    <inMail autoStart="true"/>
    <sms autoStart="false"/>
    <listProtect autoStart="false"/>
</serverconf>
"""
AFFINITIES = b"""<serverconf><mta><child><smtp>
  <IPAffinity localDomain="example.com" name="default">
    <IP address="192.168.0.11" publicId="1" weight="5"/>
    <IP address="192.168.0.12" heloHost="revdns1.campaign.com" publicId="2" weight="5"/>
    <IP address="192.168.0.13" publicId="3" weight="1"/>
  </IPAffinity>
  <IPAffinity name="mid.Server; WWserver;local.Server">
    <IP address="192.168.0.14" heloHost="myserver.us.campaign.net" publicId="123" excludeDomains="neo.*" weight=""/>
  </IPAffinity>
  <IPAffinity IPMask="" localDomain="" name=""/>
</smtp></child></mta></serverconf>
"""


def parse(*documents: bytes) -> ServerConfiguration:
    return parse_server_configuration([(f"file{number}.xml", content) for number, content in enumerate(documents, start=1)])


def affinity(inner: str, name: str = "a") -> bytes:
    return f'<x><IPAffinity name="{name}">{inner}</IPAffinity></x>'.encode()


def test_the_documented_samples_are_read() -> None:
    configuration = parse(AFFINITIES, INSTANCE)
    assert configuration.autostart == {"mta", "wfserver", "inMail"}
    assert set(configuration.affinities) == {"default", "mid.Server", "WWserver", "local.Server"}
    assert configuration.affinities["default"].addresses[:2] == (
        Address("192.168.0.11", "", 1, 5),
        Address("192.168.0.12", "revdns1.campaign.com", 2, 5),
    )
    assert configuration.affinities["WWserver"].addresses == (Address("192.168.0.14", "myserver.us.campaign.net", 123, 1),)
    assert configuration.faults == frozenset()


def test_names_compare_with_case() -> None:
    assert set(parse(affinity("", "News;news ; ;News")).affinities) == {"News", "news"}


@pytest.mark.parametrize("value", ["True", "TRUE", "1", "yes", " true", "", "false"])
def test_autostart_is_exactly_true(value: str) -> None:
    assert parse(f'<x><mta autoStart="{value}"/></x>'.encode()).autostart == frozenset()


def test_the_migration_spelling_switches_a_module_off() -> None:
    assert parse(b'<serverconf><mta _autoStart="true" statServerAddress="s"/></serverconf>').autostart == frozenset()


@pytest.mark.parametrize(
    ("documents", "autostart"),
    [
        ((b'<x><mta autoStart="false"/></x>', b'<x><mta autoStart="true"/></x>'), {"mta"}),
        ((b'<x><mta autoStart="true"/></x>', b'<x><mta autoStart="false"/></x>'), set()),
        ((b'<x><mta autoStart="true"/></x>', b'<x><mta maxMemoryMb="9"/></x>'), {"mta"}),
        ((b'<x><sms autoStart="true"/></x>', b'<x><mta autoStart="true"/></x>'), {"mta", "sms"}),
        ((b'<mta autoStart="true"/>',), {"mta"}),
        ((b'<a><b><mta autoStart="true"/></b></a>',), {"mta"}),
    ],
)
def test_the_last_file_that_gives_an_attribute_wins(documents: tuple[bytes, ...], autostart: set[str]) -> None:
    assert parse(*documents).autostart == autostart


@pytest.mark.parametrize(
    ("documents", "limits"),
    [
        ((b"<x/>",), {"warning": 1600 * MB, "alert": 1800 * MB, "restart": 1024 * MB}),
        ((b'<x><mta maxMemoryMb="2048"/></x>',), {"warning": 1600 * MB, "alert": 1800 * MB, "restart": 2048 * MB}),
        ((b'<x><mta maxMemoryMb="0" maxProcessMemoryAlertMb=""/></x>',), {"warning": 1600 * MB, "alert": 1800 * MB}),
        (
            (b'<x><mta maxProcessMemoryWarningMb="1"/></x>', b'<x><mta maxProcessMemoryWarningMb="2"/></x>'),
            {"warning": 2 * MB, "alert": 1800 * MB, "restart": 1024 * MB},
        ),
    ],
)
def test_memory_limits_are_the_files_or_adobes(documents: tuple[bytes, ...], limits: dict[str, float]) -> None:
    assert parse(*documents).memory_limits("mta") == limits


def test_only_mta_is_started_again_for_its_memory() -> None:
    assert set(parse(b'<x><web maxMemoryMb="5"/></x>').memory_limits("web")) == {"warning", "alert"}


@pytest.mark.parametrize(
    ("document", "faults"),
    [
        (affinity('<IP address="1" heloHost="a"/><IP address="1" heloHost="b"/>'), {"address_two_helo_hosts"}),
        (affinity('<IP address="1" heloHost="a"/><IP address="1" heloHost="A"/>'), set()),
        (affinity('<IP address="1" heloHost="a"/><IP address="1"/>'), set()),
        (affinity('<IP address="1" publicId="7"/><IP address="2" publicId="7"/>'), {"public_id_duplicate"}),
        (affinity('<IP address="1" publicId="7"/><IP address="2" publicId="07"/>'), {"public_id_duplicate"}),
        (affinity('<IP address="1"/><IP address="2"/>'), set()),
        (
            affinity('<IP address="2001:db8::1" heloHost="a"/><IP address="2001:DB8:0:0::01" heloHost="b"/>'),
            {"address_two_helo_hosts"},
        ),
        (
            affinity('<IP address="mta1.example" heloHost="a"/><IP address="MTA1.example" heloHost="b"/>'),
            {"address_two_helo_hosts"},
        ),
        (affinity('<IP address="2001:db8::1" publicId="7"/><IP address="2001:db8:0::1" publicId="7"/>'), set()),
        (affinity('<IP address="::1" publicId="7"/><IP address="::2" publicId="7"/>'), {"public_id_duplicate"}),
        (affinity('<IP address="1" publicId="7"/>', "a;b"), set()),
        (affinity(""), {"no_address"}),
        (affinity('<IP address=" "/>'), {"no_address"}),
        (affinity('<IP address=""/><IP address="1"/>'), set()),
        (b'<x><IPAffinity name="a" IPMask="10.0.0.0/24"/></x>', set()),
        (b'<x><IPAffinity name=""/></x>', set()),
        (affinity('<IP address="" heloHost="" publicId=""/>', ""), set()),
        (affinity('<IP address="1" heloHost="a"/><IP address="1" heloHost="b"/>', ""), {"address_two_helo_hosts"}),
        (b'<x><IP address="1"/></x>', set()),
        (b'<x><mta autoStart="true"/></x>', {"stat_server_missing"}),
        (b'<x><mta autoStart="true" statServerAddress=" "/></x>', {"stat_server_missing"}),
        (b'<x><mta autoStart="false"/></x>', set()),
        (b'<x><mta statServerAddress=""/></x>', set()),
    ],
)
def test_faults_are_found(document: bytes, faults: set[str]) -> None:
    found = parse(document).faults
    assert found == faults
    assert found <= set(FAULTS)


def test_an_address_that_a_later_file_gives_again_replaces_the_earlier_one() -> None:
    configuration = parse(
        affinity('<IP address="1" heloHost="old"/><IP address="2"/>'), affinity('<IP address="1" heloHost="new"/>')
    )
    assert configuration.affinities["a"].addresses == (Address("2"), Address("1", "new"))
    assert configuration.faults == frozenset()


def test_another_spelling_of_an_address_replaces_the_earlier_one() -> None:
    configuration = parse(affinity('<IP address="::1" heloHost="old"/>'), affinity('<IP address="0::1" heloHost="new"/>'))
    assert configuration.affinities["a"].addresses == (Address("0::1", "new"),)
    assert configuration.faults == frozenset()


def test_an_affinity_without_addresses_can_get_them_from_another_file() -> None:
    assert parse(affinity(""), affinity('<IP address="1"/>')).faults == frozenset()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "windows-1252"])
def test_declared_encodings_are_read(encoding: str) -> None:
    text = f"<?xml version='1.0' encoding='{encoding.removesuffix('-sig')}'?><x><IPAffinity name='é'/></x>"
    assert set(parse(text.encode(encoding)).affinities) == {"é"}


LEVELS = "".join(f'<!ENTITY lol{level} "{f"&lol{level - 1};" * 10}">' for level in range(1, 10))
BOMB = f'<!DOCTYPE lolz [<!ENTITY lol0 "lol">{LEVELS}]><lolz>&lol9;</lolz>'.encode()


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        (b"", "file2.xml is empty"),
        (b" \n\n", "file2.xml is empty"),
        (INSTANCE[:300], "file2.xml, line 8: not well-formed XML"),
        (INSTANCE[:-10], "file2.xml, line 13: not well-formed XML"),
        (INSTANCE + INSTANCE, "not well-formed XML"),
        (b"autoStart=true\n", "file2.xml, line 1: not well-formed XML"),
        (BOMB, "file2.xml, line 1: a DTD, and with it entities, is refused"),
        (b'\n<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>', "line 2: a DTD"),
        (b'<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd"><x/>', "a DTD"),
        (b'<?xml version="1.0" encoding="utf-8"?>\n<x name="\xe9"/>', "line 2: not well-formed XML"),
        (b'<?xml version="1.0" encoding="klingon"?>\n<x/>', "its encoding cannot be read"),
        (b'<?xml version="1.0" encoding="shift_jis"?>\n<x/>', "its encoding cannot be read"),
        (b'<x>\n<mta maxMemoryMb="1 GB"/></x>', "file2.xml, line 2: attribute maxMemoryMb of mta is not a whole number"),
        (b'<x>\n<mta maxMemoryMb="-1"/></x>', "attribute maxMemoryMb of mta is not a whole number"),
        (b'<x>\n<mta maxMemoryMb="' + b"9" * 5000 + b'"/></x>', "attribute maxMemoryMb of mta is not a whole number"),
        (affinity('\n<IP address="1" publicId="x"/>'), "file2.xml, line 2: attribute publicId of IP is not a whole number"),
        (affinity('\n<IP address="1" weight="1.5"/>'), "line 2: attribute weight of IP is not a whole number"),
    ],
)
def test_a_bad_file_is_one_clear_error(document: bytes, complaint: str) -> None:
    with pytest.raises(Unreadable) as caught:
        parse(INSTANCE, document)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "template",
    [
        '<x><dbcnx password="{}"',
        '<x><dbcnx password="{0}" password="{0}"/></x>',
        "<x>&{};</x>",
        "<x></{}>",
        '<x {0}="{0}><mta/></x>',
        '<!DOCTYPE {0} [<!ENTITY {0} "{0}">]><x/>',
        "<?xml version='1.0' encoding='{}'?><x/>",
        '<x><mta maxMemoryMb="{}"/></x>',
        '<x><IPAffinity name="a"><IP address="{0}" publicId="{0}"/></IPAffinity></x>',
        '<x><IPAffinity name="a"><IP address="{0}" weight="{0}"/></IPAffinity></x>',
    ],
)
def test_no_error_quotes_the_file(template: str) -> None:
    with pytest.raises(Unreadable) as caught:
        parse(template.format(PASSWORD).encode())
    assert PASSWORD not in str(caught.value)


@settings(deadline=None)  # the machine may be busy
@given(st.binary())
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        parse(content)
    except Unreadable as error:
        assert "file1.xml" in str(error)  # noqa: PT017 - either outcome is right, no other exception is


@settings(deadline=None)  # the machine may be busy
@given(st.integers(0, len(AFFINITIES.rstrip()) - 1))
def test_half_a_file_is_never_a_configuration(length: int) -> None:
    with pytest.raises(Unreadable):
        parse(AFFINITIES[:length])
