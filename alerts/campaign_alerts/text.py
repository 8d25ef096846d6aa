"""Pieces of annotations, in the template language of Prometheus.

Each reads the same in Prometheus and in vmalert. Queries look back over `window`, since an alert may fire while its numbers
are missing.
"""

INSTANCE = "{{ $labels.campaign_instance }}"
HOST = "{{ $labels.host }}"
_WINDOW = "2m"


def ask(query: str, *labels: str) -> str:
    """Give the pipeline that asks a query in which `%q` stands for the value of one label of the alert after the other."""
    return f"printf `{query}` {' '.join(f'$labels.{label}' for label in labels)} | query" if labels else f"query `{query}`"


def number(query: str, *labels: str, form: str = "humanize") -> str:
    """Give the one number that a query finds."""
    return f"{{{{ with {ask(query, *labels)} }}}}{{{{ . | first | value | {form} }}}}{{{{ else }}}}unknown{{{{ end }}}}"


def each(query: str, *labels: str, line: str, by: str = "", heading: str = "") -> str:
    """Give a line for each series that a query finds, in its order or by a label; `.Labels` and `.Value` are its own.

    The heading stands over them where there are any.
    """
    found = ask(query, *labels) + (f' | sortByLabel "{by}"' if by else "")
    if heading:
        return f"{{{{ with {found} }}}}{heading}{{{{ range . }}}}{line}{{{{ end }}}}{{{{ end }}}}"
    return f"{{{{ range {found} }}}}{line}{{{{ end }}}}"


def short(label: str, most: int = 60) -> str:
    """Give a label of a series, which may hold anything, as a few words on one line."""
    return f'{{{{ .Labels.{label} | reReplaceAll "\\\\s+" " " | reReplaceAll "^(.{{{most}}}).+$" "${{1}}…" }}}}'


def deliveries(cause: str | None = None) -> str:
    """Give how many deliveries wait for a cause, that of the alert's label or a given one, and the messages in them."""
    count, messages = (_waiting(metric, cause) for metric in ("campaign_deliveries_pending", "campaign_pending_messages"))
    one_or_many = "{{ if eq (. | first | value) 1.0 }}delivery waits{{ else }}deliveries wait{{ end }}"
    return (
        f"{{{{ with {count} }}}}{{{{ . | first | value | humanize }}}} {one_or_many} with"
        f" {{{{ with {messages} }}}}{{{{ . | first | value | humanize }}}}{{{{ else }}}}an unknown number of{{{{ end }}}}"
        " messages{{ else }}what waits cannot be seen{{ end }}"
    )


def _waiting(metric: str, cause: str | None) -> str:
    if cause is None:
        query = f"max(max_over_time({metric}{{campaign_instance=%q,cause=%q}}[{_WINDOW}]))"
        return ask(query, "campaign_instance", "cause")
    return ask(f'max(max_over_time({metric}{{campaign_instance=%q,cause="{cause}"}}[{_WINDOW}]))', "campaign_instance")


_SINCE = "campaign_delivery_pending_since_timestamp_seconds"
_LINE = f"\n- {{{{ .Value | humanizeDuration }}}}: {short('label')} ({{{{ .Labels.delivery_id }}}})"


def oldest(cause: str | None = None) -> str:
    """List the three deliveries that have waited longest for a cause, each with its age."""
    matcher, labels = (
        ("cause=%q", ("campaign_instance", "cause")) if cause is None else (f'cause="{cause}"', ("campaign_instance",))
    )
    series = f"last_over_time({_SINCE}{{campaign_instance=%q,{matcher}}}[{_WINDOW}])"
    return each(f"sort_desc(topk(3, time() - min by (delivery_id, label) ({series})))", *labels, line=_LINE)


def at_stake(cause: str) -> str:
    """Tell what waits for the cause that a root alert explains, if anything: it mutes the alerts which would tell."""
    told = f"\nAt stake: {deliveries(cause)}.{oldest(cause)}"
    return f"{{{{ if not ({_none_waits(cause)}) }}}}{told}{{{{ end }}}}"


def _none_waits(cause: str) -> str:
    """Hold where it is known that nothing waits for a cause; what cannot be seen is told."""
    query = f'max(max_over_time(campaign_deliveries_pending{{campaign_instance=%q,cause="{cause}"}}[{_WINDOW}])) == 0'
    return ask(query, "campaign_instance")


def under_way(window: str = _WINDOW) -> str:
    """Give the messages of all launched deliveries that are still to be processed."""
    return number(
        f"sum(max by (channel) (last_over_time(campaign_messages_remaining{{campaign_instance=%q}}[{window}])))",
        "campaign_instance",
    )
