import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from http import HTTPStatus
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from campaign_simulator.endpoints import Endpoints

TOKEN = "a=b; __sessiontoken=monitoring"


@pytest.fixture
def endpoints() -> Iterator[Endpoints]:
    made = Endpoints("prod")
    made.start()
    yield made
    made.stop()


def test_redirection_answers_as_documented(endpoints: Endpoints) -> None:
    with urlopen(f"{endpoints.url}/r/test") as response:
        redirection = ET.fromstring(response.read())
    assert redirection.tag == "redir"
    assert redirection.get("status") == "OK"
    assert redirection.get("instance") == "prod"


def test_ping_needs_the_session_token(endpoints: Endpoints) -> None:
    assert endpoints.answer("/nl/jsp/ping.jsp", "")[0] == HTTPStatus.FORBIDDEN
    assert endpoints.answer("/nl/jsp/ping.jsp", "__sessiontoken=monitoringx")[0] == HTTPStatus.FORBIDDEN
    status, _, body = endpoints.answer("/nl/jsp/ping.jsp", TOKEN)
    assert status == HTTPStatus.OK
    assert re.fullmatch(rb"OK\n\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z\n", body)


def test_message_center_tells_its_queue_to_a_session(endpoints: Endpoints) -> None:
    assert endpoints.answer("/nl/jsp/mcPing.jsp", "")[0] == HTTPStatus.FORBIDDEN
    status, _, body = endpoints.answer("/nl/jsp/mcPing.jsp", TOKEN)
    assert status == HTTPStatus.OK
    assert re.fullmatch(rb"Ok\n\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z\n\d+/400 pending events\n", body)
    endpoints.queue_full = True
    assert endpoints.answer("/nl/jsp/mcPing.jsp", TOKEN) == (
        HTTPStatus.OK,
        "text/plain",
        b"Error\nThe queue is full (400/400)\n",
    )


def test_the_picture_is_a_png(endpoints: Endpoints) -> None:
    with urlopen(f"{endpoints.url}/res/prod/probe.png") as response:
        assert response.headers["Content-Type"] == "image/png"
        assert response.read().startswith(b"\x89PNG\r\n\x1a\n")


def test_other_paths_are_not_found(endpoints: Endpoints) -> None:
    assert endpoints.answer("/", "")[0] == HTTPStatus.NOT_FOUND


def test_troubles_concern_one_endpoint(endpoints: Endpoints) -> None:
    endpoints.troubles["tracking"] = "error"
    endpoints.troubles["images"] = "wrong"
    assert endpoints.answer("/r/test", "")[0] == HTTPStatus.INTERNAL_SERVER_ERROR
    assert endpoints.answer("/res/prod/probe.png", "")[1] == "text/html"
    assert endpoints.answer("/nl/jsp/ping.jsp", TOKEN)[0] == HTTPStatus.OK
    endpoints.mend("tracking")
    assert endpoints.answer("/r/test", "")[0] == HTTPStatus.OK


def test_after_a_stop_the_address_is_the_same(endpoints: Endpoints) -> None:
    url = endpoints.url
    endpoints.stop()
    with pytest.raises(URLError):
        urlopen(f"{url}/r/test")
    endpoints.start()
    assert endpoints.url == url
