"""Reading XML that others wrote, without ever following or quoting it."""

from io import BytesIO
from xml.sax import SAXParseException
from xml.sax.handler import ContentHandler, ErrorHandler

from defusedxml import DefusedXmlException
from defusedxml.sax import make_parser

from campaign_exporter.errors import Unreadable


def parse(name: str, content: bytes, handler: ContentHandler) -> None:
    """Feed the document to the handler. Raises Unreadable with the name and the line, and nothing of the content."""
    if not content.strip():
        raise Unreadable(f"{name} is empty")
    parser = make_parser()
    parser.forbid_dtd = True  # entities and external references need one; Adobe's files have none
    parser.setContentHandler(handler)
    parser.setErrorHandler(ErrorHandler())
    try:
        parser.parse(BytesIO(content))
    except SAXParseException as error:
        raise unreadable(where(name, error.getLineNumber()), f"not well-formed XML ({error.getMessage()})") from None
    except DefusedXmlException:
        raise unreadable(where(name, parser.getLineNumber()), "a DTD, and with it entities, is refused") from None
    except (LookupError, ValueError):
        raise unreadable(where(name, parser.getLineNumber()), "its encoding cannot be read") from None


def where(name: str, line: int | None) -> str:
    """Name a place in a file."""
    return f"{name}, line {line}" if line else name


def unreadable(place: str, complaint: str) -> Unreadable:
    """Make the error for a place in a file."""
    return Unreadable(f"{place}: {complaint}")
