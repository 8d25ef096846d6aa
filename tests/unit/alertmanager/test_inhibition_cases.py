"""What the tool says of files that it cannot use: one line, with the place."""

from pathlib import Path

import pytest

from alertmanager.check_inhibition import Unusable, main, read_cases, read_rules

SHAPE = "firing and suppressed are mappings, resolved is a list, and something is firing"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file.yml"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cases: []", "it has no list of cases"),
        ("[]", "it is no mapping"),
        ("cases: [{firing: {}}]", "case 1: it has no name"),
        ("cases: [{name: a, firing: {}}]", f"case 1 (a): {SHAPE}"),
        ("cases: [{name: a, firing: {x: {n: a}}, resolved: x}]", f"case 1 (a): {SHAPE}"),
        ("cases: [{name: a, fireing: {x: {n: a}}}]", "case 1 (a): unknown key fireing"),
        ("cases: [{name: a, firing: {x: {n: 1}}}]", "case 1 (a): x: labels are a mapping of texts"),
        (
            "cases: [{name: a, firing: {x: {n: a}, y: {n: a, m: null}}}]",
            "case 1 (a): two alerts have the same labels, so Alertmanager takes them for one",
        ),
        ("cases: [{name: a, firing: {x: {n: a}}, resolved: [z]}]", "case 1 (a): z is not among the firing"),
        ("cases: [{name: a, firing: {x: {n: a}}, suppressed: {x: [y, z]}}]", "case 1 (a): y, z is not among the firing"),
    ],
)
def test_bad_cases(text: str, message: str, file: Path) -> None:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(Unusable) as raised:
        read_cases(file)
    assert str(raised.value) == f"{file}: {message}"


def test_files_that_are_not_there_or_no_yaml(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(file), str(file)]) == 2
    assert capsys.readouterr().err == f"{file}: No such file or directory\n"
    file.write_text("{", encoding="utf-8")
    assert main([str(file), str(file)]) == 2
    assert capsys.readouterr().err.startswith(f"{file}: it is no YAML: ")


def test_a_configuration_without_inhibition_rules(file: Path) -> None:
    file.write_text("route: {receiver: a}", encoding="utf-8")
    with pytest.raises(Unusable, match="it has no inhibit_rules"):
        read_rules(file)


def test_a_case_is_read_as_it_is_written(file: Path) -> None:
    file.write_text(
        """
        shared: &one {alertname: One, host: a}
        cases:
          - name: both
            firing: {one: *one, bare: {<<: *one, host: null}, two: {alertname: Two}}
            resolved: [two]
            suppressed: {one: two, bare: [one, two]}
        """,
        encoding="utf-8",
    )
    (case,) = read_cases(file)
    assert case.firing == {"one": {"alertname": "One", "host": "a"}, "bare": {"alertname": "One"}, "two": {"alertname": "Two"}}
    assert case.resolved == {"two"}
    assert case.suppressed == {"one": {"two"}, "bare": {"one", "two"}}
