"""Technical workflows and the options that they keep."""

import random
from datetime import datetime, timedelta

from campaign_simulator.journal import Ids, Journal, Option, Workflow, WorkflowLog
from campaign_simulator.obstacles import Site
from campaign_simulator.traffic import CAMPAIGN_OPERATION, CAMPAIGN_WORKFLOWS
from campaign_simulator.vocabulary import WorkflowState

# Adobe's names and frequencies; where none is documented (the Mgt ones), a minute shows something in a demo.
_TECHNICAL = {
    "operationMgt": timedelta(minutes=1),
    "deliveryMgt": timedelta(minutes=1),
    "tracking": timedelta(hours=1),
    "cleanup": timedelta(days=1),
    "deliverabilityUpdate": timedelta(days=1),
    "billing": timedelta(days=30),
    "aliasCleansing": timedelta(days=1),
    "forecasting": timedelta(days=1),
    "reportingAggregates": timedelta(days=1),
    "supplierMgt": timedelta(minutes=5),
    "budgetMgt": timedelta(minutes=5),
    "offerMgt": timedelta(minutes=5),
    "deliveryIndicators": timedelta(hours=1),
    "cleanupPausedWorkflows": timedelta(days=7),
}
_FIRST_TECHNICAL_ID = 501
CONCURRENCY_LIMIT = 10
ALERT_DELAY_MINUTES = 30
PREPARATION_WINDOW_DAYS = 7


class Workflows:
    """Runs technical workflows while a workflow engine is up."""

    def __init__(self, journal: Journal, ids: Ids, site: Site, chance: random.Random) -> None:
        self._journal = journal
        self._ids = ids
        self._site = site
        self._chance = chance
        self._technical: dict[str, Workflow] = {}
        self._filling: list[Workflow] = []
        self._log = 1

    @property
    def names(self) -> tuple[str, ...]:
        """The internal names of the technical workflows."""
        return tuple(_TECHNICAL)

    def create(self, now: datetime, time_zone: str, *, with_time_zone: bool) -> None:
        """Note the workflows and options of a new instance, as if it had run for long."""
        for number, (name, period) in enumerate(_TECHNICAL.items(), start=_FIRST_TECHNICAL_ID):
            last = now - period * self._chance.random()
            workflow = Workflow(number, name, WorkflowState.STARTED, last_run=last, next_run=last + period)
            self._technical[name] = workflow
            self._changed(workflow)
            self._write_pointer(workflow, last)
        for number in CAMPAIGN_WORKFLOWS:
            self._changed(Workflow(number, f"WKF{number}", WorkflowState.STARTED, CAMPAIGN_OPERATION, last_run=now))
        for option in (
            Option("NmsMTA_Alert_Delay", number=ALERT_DELAY_MINUTES),
            Option("NmsOperation_LimitConcurrency", number=CONCURRENCY_LIMIT),
            Option("NmsOperation_DeliveryPreparationWindow", number=PREPARATION_WINDOW_DAYS),
            Option("WdbcTimeZone", text=time_zone),
            Option("WdbcUseTimeStampWithTZ", number=int(with_time_zone)),
        ):
            self._journal.options[option.name] = option

    def step(self, now: datetime) -> None:
        """Run what is due."""
        if not self._site.servers.running_on("wfserver"):
            return
        for name, workflow in self._technical.items():
            if not workflow.failed and workflow.next_run is not None and workflow.next_run <= now:
                workflow.last_run, workflow.next_run = now, now + _TECHNICAL[name]
                self._changed(workflow)
                self._write_log(workflow, now, "Workflow executed")
                self._write_pointer(workflow, now)

    def fail(self, name: str, now: datetime) -> None:
        """Let a technical workflow end in an error: paused and failed, in Adobe's numbers."""
        workflow = self._technical[name]
        workflow.state, workflow.failed = WorkflowState.PAUSED, True
        self._site.failed_workflows.add(name)
        self._changed(workflow)
        self._write_log(workflow, now, "The activity failed", error=True)

    def repair(self, name: str) -> None:
        """Start a failed workflow again."""
        workflow = self._technical[name]
        workflow.state, workflow.failed = WorkflowState.STARTED, False
        self._site.failed_workflows.discard(name)
        self._changed(workflow)

    def fill(self, now: datetime) -> None:
        """Start campaign workflows up to the limit of the instance."""
        while self._site.campaign_workflows < self._site.concurrency_limit:
            number = self._ids.next()
            workflow = Workflow(number, f"WKF{number}", WorkflowState.STARTED, CAMPAIGN_OPERATION, last_run=now)
            self._filling.append(workflow)
            self._site.campaign_workflows += 1
            self._changed(workflow)

    def drain(self) -> None:
        """Stop the campaign workflows that were started to reach the limit."""
        for workflow in self._filling:
            workflow.state = WorkflowState.STOPPED
            self._changed(workflow)
        self._site.campaign_workflows -= len(self._filling)
        self._filling.clear()

    def _changed(self, workflow: Workflow) -> None:
        self._journal.workflows[workflow.workflow_id] = workflow

    def _write_log(self, workflow: Workflow, when: datetime, message: str, *, error: bool = False) -> None:
        self._log += 1
        self._journal.workflow_logs.append(WorkflowLog(self._log, workflow.workflow_id, when, message, error))

    def _write_pointer(self, workflow: Workflow, when: datetime) -> None:
        """Keep the option that tells how far a workflow came."""
        if workflow.name == "tracking":
            pointer = f"{when:%Y/%m/%d %H:%M:%S}; {self._chance.randrange(1 << 31)}"
            self._journal.options["NmsTracking_Pointer"] = Option("NmsTracking_Pointer", text=pointer)
        elif workflow.name == "cleanup":
            self._journal.options["NmsCleanup_LastCleanup"] = Option("NmsCleanup_LastCleanup", moment=when)
