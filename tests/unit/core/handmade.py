"""What the tests of the core share: clocks that are set by hand, and collectors that do as they are told."""

from collections.abc import Callable
from dataclasses import dataclass, field

from campaign_exporter.metric import Samples
from campaign_exporter.rounds import Round


@dataclass
class HandClock:
    """Two clocks that stand still until told."""

    wall: float = 1.7e9
    steady: float = 1000.0

    def time(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.steady

    def advance(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


@dataclass
class Scripted:
    """A collector that does what `act` does."""

    act: Callable[[Round], None] = lambda _round: None
    name: str = "processes"
    rounds: int = 0

    def collect(self, current: Round) -> None:
        self.rounds += 1
        self.act(current)


@dataclass
class Published:
    """What a job has published last, as text by series."""

    samples: Samples = field(default_factory=Samples)
    times: int = 0

    def __call__(self, samples: Samples) -> None:
        self.samples = samples
        self.times += 1

    def value(self, name: str, *labels: str) -> float | None:
        values = {(sample.metric.name, sample.labels): sample.value for sample in self.samples}
        return values.get((name, labels))


def together(*acts: Callable[[Round], object]) -> Callable[[Round], None]:
    """Do one after another in one round."""

    def act(current: Round) -> None:
        for each in acts:
            each(current)

    return act
