"""Change one thing of a rule after the other, and see whether a story of tests/unit/alerts notices; report the share killed."""

import os
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "alerts")]

from unit.alerts.cases import Rules  # noqa: E402 - the path is set above
from unit.alerts.mutation import Hunter, Mutant, mutants  # noqa: E402 - the same
from unit.alerts.stories import STORIES  # noqa: E402 - the same

_WANTED = 0.95


def main(names: Sequence[str]) -> int:
    """Hunt all mutants, or those of the rules named."""
    rules = Rules.load()
    every = [mutant for mutant in mutants(rules) if not names or mutant.name in names]
    survivors: list[Mutant] = []
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        hunter = Hunter(rules, STORIES, Path(folder))
        for number, (mutant, survives) in enumerate(zip(every, pool.map(hunter.survives, every), strict=True), 1):
            if survives:
                survivors.append(mutant)
                print(f"alive: {mutant}")
            if number % 20 == 0 or number == len(every):
                print(f"{number} of {len(every)} hunted, {len(survivors)} alive", flush=True)
    _report(every, survivors)
    return int(len(survivors) > (1 - _WANTED) * len(every))


def _report(every: Sequence[Mutant], survivors: Sequence[Mutant]) -> None:
    whole, alive = Counter(mutant.what for mutant in every), Counter(mutant.what for mutant in survivors)
    for what, count in sorted(whole.items()):
        print(f"{what}: {count - alive[what]} of {count} killed")
    killed = len(every) - len(survivors)
    print(f"{killed} of {len(every)} mutants killed ({killed / max(len(every), 1):.1%}; {_WANTED:.0%} are wanted)")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
