"""What goes wrong around the sending: resources, certificates, mail servers, files."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from drill.scene import Scene, faults, page_between
from drill.site import Site


@contextmanager
def _certificate_ends(site: Site) -> Iterator[None]:
    site.fault_at = time.time()
    site.resource.renew(soon=True)
    try:
        yield
    finally:
        site.resource.renew()


SURROUNDINGS = (
    Scene(
        "CampaignImageUnavailable",
        "CampaignImageUnavailable",
        "warning",
        "platform",
        faults("endpoint-down images wrong"),
        r"images is not given out as it should be",
        {"endpoint": "images", "kind": "resource"},
        sampling=30.0,
    ),
    Scene(
        "CampaignCertificateExpiring",
        "CampaignCertificateExpiring",
        "warning",
        "platform",
        _certificate_ends,
        r"the certificate of secure ends in",
        {"endpoint": "secure", "kind": "resource"},
        sampling=30.0,
    ),
    Scene(
        "CampaignSmtpConnectionsFailing",
        "CampaignSmtpConnectionsFailing",
        "warning",
        "deliverability",
        faults("connections-refused free.example"),
        r"of the connections to 203\.0\.113\.3 \(free\.example\) came to nothing",
        {"mx": "203.0.113.3"},
        # The share is one of an hour, which is not compressed.
        sampling=60.0,
        limit=500.0,
    ),
    Scene(
        "CampaignMessageSizeHigh",
        "CampaignMessageSizeHigh",
        "info",
        "deliverability",
        faults("mails-large"),
        r"kB on average",
        sampling=30.0,
        limit=400.0,
    ),
    Scene(
        "CampaignTemporaryFilesOnOtherDevice",
        "CampaignTemporaryFilesOnOtherDevice",
        "warning",
        "platform",
        faults("temporary-elsewhere mta2"),
        r"on mta2, the folder of temporary files and var are on different devices",
        {"host": "mta2"},
        sampling=60.0,
    ),
    Scene(
        "CampaignMtaLogErrors",
        "CampaignMtaLogErrors",
        "warning",
        "platform",
        faults("parts-postponed mta1"),
        r"the log of the MTA on mta1 got \d+ lines of the kind postponed_parts",
        {"host": "mta1", "kind": "postponed_parts"},
        sampling=60.0,
    ),
    Scene(
        "CampaignCoreDumped",
        "CampaignCoreDumped",
        "warning",
        "platform",
        faults("core-dumped mta2"),
        r"1 core files lie on mta2",
        {"host": "mta2"},
        sampling=60.0,
    ),
    Scene(
        "CampaignDiskFull",
        "CampaignDiskFull",
        "critical",
        "platform",
        page_between(Site.full_disk),  # no disk of this machine is filled for it
        r"the file system of var on mta1 is 95% full",
        {"host": "mta1", "directory": "var"},
        sampling=60.0,
    ),
)
