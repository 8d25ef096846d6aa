import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from campaign_exporter.domain.labels import MAXIMAL_LENGTH, is_changed, safe_label

anything = st.text(st.characters()) | st.text(st.characters(categories=["Cc", "Cs", "Zl", "Zp", "Cf"]), max_size=400)
DIRECTIONS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@given(anything)
def test_a_label_is_bounded_and_breaks_no_line(text: str) -> None:
    label = safe_label(text)
    assert len(label) <= MAXIMAL_LENGTH
    assert all(unicodedata.category(character) not in {"Cc", "Cs", "Zl", "Zp"} or character in "\n\t" for character in label)
    assert not set(DIRECTIONS) & set(label)
    label.encode()


@given(anything, anything)
def test_two_texts_that_differ_stay_different(one: str, other: str) -> None:
    assert (safe_label(one) == safe_label(other)) == (one == other)


@given(st.text("ab\x01\x02", min_size=250, max_size=300), st.text("ab\x01\x02", min_size=250, max_size=300))
def test_two_long_texts_that_differ_stay_different(one: str, other: str) -> None:
    assert (safe_label(one) == safe_label(other)) == (one == other)


def test_ordinary_text_stays_as_it_is() -> None:
    for text in ("", "Spring sale", "配信📧 üml", "line\n\ttab", "x" * MAXIMAL_LENGTH):
        assert safe_label(text) == text


@given(anything)
def test_a_label_tells_whether_it_is_the_text(text: str) -> None:
    assert is_changed(safe_label(text)) == (safe_label(text) != text) or is_changed(text)
