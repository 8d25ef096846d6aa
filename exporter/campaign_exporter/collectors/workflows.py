"""Technical workflows: which are in error or late, when cleanup last ran, how old copies from mid-sourcing servers are."""

from campaign_exporter import catalogue_hygiene as catalogue
from campaign_exporter import message_metrics
from campaign_exporter.config import WorkflowSettings
from campaign_exporter.domain.technical_workflows import KINDS, STANDINGS, TROUBLES, standing
from campaign_exporter.metric import Samples
from campaign_exporter.rounds import Round
from campaign_exporter.sources import upkeep
from campaign_exporter.sources.campaign import CampaignDatabase, Questions


class WorkflowsCollector:
    """Reads XtkWorkflow, which is small, and the dates that workflows note in options."""

    name = "workflows"

    def __init__(self, database: CampaignDatabase, settings: WorkflowSettings) -> None:
        self._database = database
        self._settings = settings

    def collect(self, current: Round) -> None:
        """Ask for the dates, the workflows, and the errors of cleanup; each fails alone."""
        more = sorted(self._settings.also)
        with self._database.round(self.name, current, life=current.life) as ask:
            with current.part("dates") as samples:
                _add_dates(samples, ask)
            with current.part("workflows") as samples:
                _add_technical(samples, ask, more)
                _add_counts(samples, ask, more)
        # The journal is a table more than workflows need: a lock on it spoils no more, and where it is missing nothing else is.
        with self._database.round(self.name, current, life=current.life) as ask:
            if ask.has_table("xtkworkflowlog"):
                with current.part("cleanup") as samples:
                    samples.add(catalogue.CLEANUP_LOG_ERRORS, upkeep.cleanup_log_errors(ask))


def _add_technical(samples: Samples, ask: Questions, more: list[str]) -> None:
    for workflow in upkeep.technical_workflows(ask, more):
        for trouble in TROUBLES:
            holds = workflow.trouble == trouble
            samples.add(catalogue.TECHNICAL_WORKFLOW_TROUBLE, holds, workflow=workflow.name, trouble=trouble)
        if workflow.last_run is not None:
            samples.add(catalogue.TECHNICAL_WORKFLOW_LAST_RUN, workflow.last_run, workflow=workflow.name)
        if workflow.next_run is not None:
            samples.add(catalogue.TECHNICAL_WORKFLOW_NEXT_RUN, workflow.next_run, workflow=workflow.name)


def _add_counts(samples: Samples, ask: Questions, more: list[str]) -> None:
    counts = dict.fromkeys(((kind, state) for kind in KINDS for state in STANDINGS), 0)
    for each in upkeep.workflow_counts(ask, more):
        key = each.kind, standing(each.state, failed=each.failed)
        counts[key] = counts.get(key, 0) + each.number
    for (kind, state), count in counts.items():
        samples.add(catalogue.WORKFLOWS, count, kind=kind, state=state)


def _add_dates(samples: Samples, ask: Questions) -> None:
    noted = upkeep.moments(ask)
    if noted.cleanup is not None:
        samples.add(catalogue.CLEANUP_LAST_RUN, noted.cleanup)
    if noted.tracking is not None:
        samples.add(message_metrics.TRACKING_POINTER, noted.tracking)
    for account, moment in noted.copies.items():
        samples.add(catalogue.MID_SOURCING_LAST_COPY, moment, account=account)
