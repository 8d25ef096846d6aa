"""What a public resource must be, such as an image that mails show.

Adobe documents no probe of resources: status and type are what mail clients need, and the type can be configured.
"""

from pathlib import PurePosixPath
from urllib.parse import urlsplit

from campaign_exporter.errors import BadAnswer

#: Names of files that are images; another name says nothing of the type.
_IMAGES = frozenset({".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".png", ".svg", ".webp"})
_LONGEST_QUOTE = 80


def expected_type(url: str) -> str:
    """Tell how the content type must begin, by the name of the file; empty where the name does not tell."""
    return "image/" if PurePosixPath(urlsplit(url).path).suffix.lower() in _IMAGES else ""


def check_resource(content_type: str, size_bytes: int, expected: str) -> None:
    """Judge an answer with status 200. Raises BadAnswer for an empty body, or a type that does not begin as expected."""
    if not size_bytes:
        raise BadAnswer("answered with an empty body")
    if not content_type.strip().casefold().startswith(expected.casefold()):
        shown = "".join(character for character in content_type if character.isprintable())[:_LONGEST_QUOTE]
        raise BadAnswer(f"answered with the content type {shown or '(none)'} where {expected} is expected")
