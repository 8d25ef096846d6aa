"""Technical workflows and the options that they keep."""

import random
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from campaign_simulator.journal import Ids, Journal, Option, Workflow, WorkflowLog
from campaign_simulator.obstacles import COPIER, Site
from campaign_simulator.traffic import CAMPAIGN_OPERATION, CAMPAIGN_WORKFLOWS, MID_ACCOUNT
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
_OF_MARKETING = {COPIER: timedelta(minutes=10), "defaultMidSourcingLog": timedelta(hours=1)}
_FIRST_TECHNICAL_ID = 501
_OVERDUE = timedelta(minutes=20)
_CLEANUP = "cleanup"
ALERT_DELAY_MINUTES = 30


class WorkflowTrouble(StrEnum):
    """Why a technical workflow does not run."""

    FAILED = "failed"
    EDITED = "edited"
    PAUSED = "paused"
    STOPPED = "stopped"
    OVERDUE = "overdue"


# Adobe: a workflow in error is paused and failed; one that is overdue is started.
_STATES = {
    WorkflowTrouble.FAILED: WorkflowState.PAUSED,
    WorkflowTrouble.EDITED: WorkflowState.EDITED,
    WorkflowTrouble.PAUSED: WorkflowState.PAUSED,
    WorkflowTrouble.STOPPED: WorkflowState.STOPPED,
}


class Workflows:
    """Runs technical workflows while a workflow engine is up."""

    def __init__(
        self,
        journal: Journal,
        ids: Ids,
        site: Site,
        chance: random.Random,
        work: Mapping[str, Callable[[datetime], None]],
    ) -> None:
        self._journal = journal
        self._ids = ids
        self._site = site
        self._chance = chance
        self._work = work
        self._periods = _TECHNICAL | (_OF_MARKETING if site.marketing else {})
        self._troubles: dict[str, list[WorkflowTrouble]] = {name: [] for name in self._periods}
        self._filling: list[Workflow] = []
        self._log = 1
        self.cleanup_fails = False
        self.copies_stand = False  # whether nothing is copied from the mid-sourcing server, though its workflow runs
        self.pointer_dated = False  # whether the pointer of tracking is kept as a date; Adobe does not tell which it is
        self.last_cleanup: datetime | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The internal names of the technical workflows."""
        return tuple(self._periods)

    def create(self, now: datetime, time_zone: str, *, with_time_zone: bool) -> None:
        """Note the workflows and options of a new instance, as if it had run for long."""
        for number, (name, period) in enumerate(self._periods.items(), start=_FIRST_TECHNICAL_ID):
            last = now - period * self._chance.random()
            self._changed(Workflow(number, name, WorkflowState.STARTED, last_run=last, next_run=last + period))
            self._write_pointer(name, last)
        for number in CAMPAIGN_WORKFLOWS:
            self._changed(Workflow(number, f"WKF{number}", WorkflowState.STARTED, CAMPAIGN_OPERATION, last_run=now))
        for option in (
            Option("NmsMTA_Alert_Delay", number=ALERT_DELAY_MINUTES),
            Option("NmsOperation_LimitConcurrency", number=self._site.concurrency_limit),
            Option("NmsOperation_DeliveryPreparationWindow", number=self._site.preparation_window.days),
            Option("WdbcTimeZone", text=time_zone),
            Option("WdbcUseTimeStampWithTZ", number=int(with_time_zone)),
        ):
            self._set(option)

    def step(self, now: datetime) -> None:
        """Run what is due."""
        if not self._site.servers.running_on("wfserver"):
            return
        for name, troubles in self._troubles.items():
            workflow = self._site.workflows[name]
            if not troubles and workflow.next_run is not None and workflow.next_run <= now:
                self._run(workflow, now)

    def at_work(self, name: str) -> bool:
        """Tell whether a technical workflow runs when it is due."""
        return bool(self._site.servers.running_on("wfserver")) and not self._troubles[name]

    def spoil(self, name: str, trouble: WorkflowTrouble, now: datetime, *, overdue: timedelta = _OVERDUE) -> None:
        """Let a technical workflow get into trouble."""
        workflow = self._site.workflows[name]
        self._troubles[name].append(trouble)
        if trouble == WorkflowTrouble.OVERDUE:
            workflow.next_run = now - overdue
        if trouble == WorkflowTrouble.FAILED:
            self._write_log(workflow, now, "The activity failed", error=True)
        self._settle(workflow)

    def mend(self, name: str, trouble: WorkflowTrouble, now: datetime) -> None:
        """Help a technical workflow out of one trouble; out of all it runs at once."""
        workflow = self._site.workflows[name]
        self._troubles[name].remove(trouble)
        if not self._troubles[name]:
            workflow.next_run = now
        self._settle(workflow)

    @property
    def troubled(self) -> Mapping[str, WorkflowTrouble]:
        """The latest trouble of each technical workflow that has one."""
        return {name: troubles[-1] for name, troubles in self._troubles.items() if troubles}

    @property
    def dated_pointer(self) -> datetime | None:
        """Up to when tracking logs were fetched, where that is kept as a date."""
        return self._site.workflows["tracking"].last_run if self.pointer_dated else None

    def keep_pointer(self, *, dated: bool) -> None:
        """Keep the pointer of tracking as a date, or as a text with the number of a message."""
        self.pointer_dated = dated
        last = self._site.workflows["tracking"].last_run
        if last is not None:
            self._write_pointer("tracking", last)

    def let_copies_stand(self, when: datetime) -> None:
        """Let the last copy from the mid-sourcing server have been at a moment, and none follow."""
        self.copies_stand = False
        self._write_pointer(COPIER, when)
        self.copies_stand = True

    def fail_cleanup(self, now: datetime, ago: timedelta) -> None:
        """Let cleanup have come to its end so long ago, and fail in a task each time that it runs."""
        self.cleanup_fails = True
        self.last_cleanup = now - ago
        self._set(Option("NmsCleanup_LastCleanup", moment=self.last_cleanup))
        self._write_log(self._site.workflows[_CLEANUP], now, "The task failed, and those behind it were not run", error=True)

    def finish_cleanup(self, now: datetime) -> None:
        """Let cleanup come to its end now."""
        self.cleanup_fails = False
        self._write_pointer(_CLEANUP, now)

    def fill(self, now: datetime) -> None:
        """Start as many campaign workflows as may run."""
        while self._site.campaign_workflows < self._site.concurrency_limit:
            number = self._ids.next()
            self._filling.append(Workflow(number, f"WKF{number}", WorkflowState.STARTED, CAMPAIGN_OPERATION, last_run=now))
            self._changed(self._filling[-1])

    def drain(self) -> None:
        """Stop the campaign workflows that were started to reach the limit."""
        for workflow in self._filling:
            workflow.state = WorkflowState.STOPPED
            self._journal.workflows[workflow.workflow_id] = workflow
            del self._site.workflows[workflow.name]
        self._filling.clear()

    def _run(self, workflow: Workflow, now: datetime) -> None:
        workflow.last_run, workflow.next_run = now, now + self._periods[workflow.name]
        self._changed(workflow)
        self._write_log(workflow, now, "Workflow executed")
        self._write_pointer(workflow.name, now)
        if workflow.name in self._work:
            self._work[workflow.name](now)

    def _settle(self, workflow: Workflow) -> None:
        """Give a workflow the state of its latest trouble that has one."""
        troubles = self._troubles[workflow.name]
        states = [_STATES[trouble] for trouble in troubles if trouble in _STATES]
        workflow.state = states[-1] if states else WorkflowState.STARTED
        workflow.failed = WorkflowTrouble.FAILED in troubles
        self._changed(workflow)

    def _changed(self, workflow: Workflow) -> None:
        self._site.workflows[workflow.name] = workflow
        self._journal.workflows[workflow.workflow_id] = workflow

    def _write_log(self, workflow: Workflow, when: datetime, message: str, *, error: bool = False) -> None:
        self._log += 1
        self._journal.workflow_logs.append(WorkflowLog(self._log, workflow.workflow_id, when, message, error))

    def _write_pointer(self, name: str, when: datetime) -> None:
        """Keep the option that tells how far a workflow came."""
        if name == "tracking":
            pointer = f"{when:%Y/%m/%d %H:%M:%S}; {self._chance.randrange(1 << 31)}"
            self._set(
                Option("NmsTracking_Pointer", moment=when) if self.pointer_dated else Option("NmsTracking_Pointer", pointer)
            )
        elif name == _CLEANUP and not self.cleanup_fails:
            self.last_cleanup = when
            self._set(Option("NmsCleanup_LastCleanup", moment=when))
        elif name == COPIER and not self.copies_stand:
            self._site.last_copy = when
            self._set(Option(f"NmsMidSourcing_LastDelivery_{MID_ACCOUNT}", moment=when))

    def _set(self, option: Option) -> None:
        self._journal.options[option.name] = option
