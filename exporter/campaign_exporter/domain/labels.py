"""Text from the outside world, made safe to stand in a label."""

import hashlib
import re

MAXIMAL_LENGTH = 256

# Control characters but newline and tab, and the marks that turn the direction of the text around them: a delivery's label
# must not be able to rewrite the line of a page or a notification that it stands in. Lone surrogates cannot be encoded.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_CHANGED = re.compile("…[0-9a-f]{8}$")


def safe_line(text: str) -> str:
    """Write text as one line, without what could steer a terminal; its length stays."""
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text).replace("\n", " ").replace("\t", " ")


def safe_label(text: str) -> str:
    """Replace what could break a line, and bound the length; two texts that differ stay different."""
    clean = _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)
    if clean == text and len(text) <= MAXIMAL_LENGTH:
        return text
    mark = "…" + hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]
    return clean[: MAXIMAL_LENGTH - len(mark)] + mark


def is_changed(label: str) -> bool:
    """Tell whether a label bears the mark of safe_label: then it is not the text that it stands for."""
    return _CHANGED.search(label) is not None
