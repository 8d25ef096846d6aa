"""Write alerts/rules and docs/alerts.md. With --check: say what differs, and change nothing."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "alerts"))

from campaign_alerts.render import rule_files  # noqa: E402
from campaign_alerts.values import load_values  # noqa: E402

values = load_values(ROOT / "alerts/values.yaml")
(ROOT / "alerts/rules").mkdir(exist_ok=True)
for name, text in rule_files(values).items():
    (ROOT / "alerts/rules" / name).write_text(text)
