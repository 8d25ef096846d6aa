"""What a public resource must be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign_exporter.domain.resources import check_resource, expected_type
from campaign_exporter.errors import BadAnswer
from campaign_exporter.sources.deadlines import Aim


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://r.example/res/prod/a.png", "image/"),
        ("https://r.example/a.JPeG?x=b.css", "image/"),
        ("https://r.example/a.png/b", ""),
        ("https://r.example/a.html", ""),
        ("https://r.example", ""),
    ],
)
def test_the_name_tells_the_type(url: str, expected: str) -> None:
    assert expected_type(url) == expected


def complaint(content_type: str, size: int, expected: str) -> str | None:
    try:
        check_resource(content_type, size, expected)
    except BadAnswer as error:
        return str(error)
    return None


@given(st.text(), st.integers(0, 5), st.sampled_from(["", "image/", "text/css"]))
def test_any_answer_is_judged_in_one_printable_line(content_type: str, size: int, expected: str) -> None:
    said = complaint(content_type, size, expected)
    good = size > 0 and content_type.strip().casefold().startswith(expected)
    assert (said is None) == good
    assert said is None or (said.isprintable() and len(said) < 200)


@pytest.mark.parametrize(
    ("aim", "asked", "place"),
    [
        (Aim("r.example", 443, "10.0.0.1"), ("r.example", 443), ("10.0.0.1", 443)),
        (Aim("r.example", 443, "10.0.0.1", 8443), ("r.example", 443), ("10.0.0.1", 8443)),
        (Aim("r.example", 80, "10.0.0.1", 8080), ("r.example", 443), ("10.0.0.1", 443)),
        (Aim("r.example", 443, "10.0.0.1", 8443), ("other.example", 443), None),
    ],
)
def test_only_the_own_name_leads_to_the_server(aim: Aim, asked: tuple[str, int], place: tuple[str, int] | None) -> None:
    assert aim.place(*asked) == place
