"""The log: one line an event, whatever is in it, which machines can read back."""

import json
import logging
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign_exporter.log import _Line

_LOGFMT = r'[a-z]+=(?:[^\s"=\\]+|"(?:[^"\\\n]|\\.)*")'


def record(message: str, *, stack: bool = False) -> logging.LogRecord:
    error = None
    if stack:
        try:
            int(f"x{message}")
        except ValueError:
            error = sys.exc_info()
    return logging.LogRecord("campaign", logging.WARNING, "job.py", 7, "%s", (message,), error)


@given(message=st.text(), stack=st.booleans())
def test_json_is_one_line_that_says_what_was_said(message: str, *, stack: bool) -> None:
    line = _Line("json").format(record(message, stack=stack))
    assert "\n" not in line
    assert json.loads(line)["msg"] == message


@given(message=st.text(), stack=st.booleans())
def test_logfmt_is_one_line_of_pairs(message: str, *, stack: bool) -> None:
    line = _Line("logfmt").format(record(message, stack=stack))
    assert len(line.splitlines()) == 1

    assert re.fullmatch(f"{_LOGFMT}(?: {_LOGFMT})*", line)


@pytest.mark.parametrize(
    ("form", "start"), [("logfmt", "ts=1970-01-01T00:00:00.000Z level=warn caller=job:7 msg=x"), ("json", '{"ts": "1970')]
)
def test_the_fields(form: str, start: str) -> None:
    made = record("x")
    made.created = 0
    assert _Line(form).format(made).startswith(start)
