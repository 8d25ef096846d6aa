"""The last reply of a mail server, as a label: short, harmless, without addresses, and the same while it means the same."""

import re

from campaign_exporter.domain.labels import safe_line

LONGEST = 80

# Addresses of recipients stand in replies, in clear and as parts of bounce addresses.
_ADDRESS = re.compile(r"\S*@\S*")
# Ids of queues and sessions, which differ from one reply to the next: long words with a digit in them. Codes stay (5.7.1).
_ID = re.compile(r"(?=[^\s]*\d)[^\s]{9,}")


def plain_reply(text: str) -> str:
    """Write a reply as one line of at most 80 characters, with `…` for addresses, for ids and for what was cut."""
    words = " ".join(safe_line(" ".join(text.split())).split())
    words = _ID.sub("…", _ADDRESS.sub("…", words))
    return words if len(words) <= LONGEST else words[: LONGEST - 1].rstrip() + "…"
