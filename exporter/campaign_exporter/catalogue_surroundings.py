"""Metrics of what surrounds the sending: public resources, mail servers, files of the hosts; `catalogue` gathers them."""

from campaign_exporter.metric import Metric

# --- endpoints ------------------------------------------------------------------------------------------------------------

_ENDPOINT = ("endpoint", "kind", "address")
_KIND = {"kind": ("redirection", "ping", "resource")}
ENDPOINT_BYTES = Metric(
    "campaign_endpoint_response_bytes",
    "gauge",
    "Size of the last good answer of an HTTP endpoint.",
    "endpoints",
    _ENDPOINT,
    _KIND,
)
ENDPOINT_STATUS = Metric(
    "campaign_endpoint_http_status",
    "gauge",
    "HTTP status of an endpoint's answer in the last round; absent where none came.",
    "endpoints",
    _ENDPOINT,
    _KIND,
)
ENDPOINT_CERTIFICATE_END = Metric(
    "campaign_endpoint_certificate_end_timestamp_seconds",
    "gauge",
    "When the first of the certificates that an endpoint showed in the last round ends; absent without TLS, and where it was"
    " not to be trusted.",
    "endpoints",
    _ENDPOINT,
    _KIND,
)
