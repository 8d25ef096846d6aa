"""What the doctor says of a configuration, by name of the check."""

import time
from dataclasses import dataclass

from campaign_exporter.config import Config
from campaign_exporter.doctor.check import Check, Result
from campaign_exporter.doctor.examination import examine
from campaign_exporter.rounds import Clock, SystemClock
from campaign_exporter.sources.prometheus import PrometheusServer


@dataclass(frozen=True)
class Examined:
    """All checks of one run, and how long it took in seconds."""

    checks: tuple[Check, ...]
    seconds: float

    def of(self, name: str, subject: str = "") -> list[Check]:
        return [check for check in self.checks if check.name == name and subject in {"", check.subject}]

    def the(self, name: str, subject: str = "") -> Check:
        (check,) = self.of(name, subject)
        return check

    def results(self, name: str) -> set[Result]:
        return {check.result for check in self.of(name)}

    @property
    def findings(self) -> list[Check]:
        return [check for check in self.checks if check.result is Result.FINDING]

    @property
    def found(self) -> set[str]:
        return {check.name for check in self.findings}

    @property
    def text(self) -> str:
        return "\n".join(f"{check.what} {check.why} {check.mend}" for check in self.checks)


def examined(config: Config, clock: Clock | None = None, server: PrometheusServer | None = None) -> Examined:
    """Examine, and see that each check is whole: a finding tells why it matters and the mend."""
    began = time.monotonic()
    sections = [section for section in examine(config, clock or SystemClock(), server) if section.checks is not None]
    checks = tuple(check for section in sections for check in section.checks or ())
    for check in checks:
        assert check.what
        assert (check.result is Result.FINDING) == bool(check.why), check
        assert check.mend or check.result is not Result.FINDING, check
    return Examined(checks, time.monotonic() - began)
