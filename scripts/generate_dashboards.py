"""Write grafana/dashboards from grafana/campaign_dashboards. With --check: say what differs, and change nothing."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "grafana"), str(ROOT / "alerts")]

from campaign_alerts.values import SHIPPED, load_values  # noqa: E402 - the path above
from campaign_exporter.document import ConfigurationError  # noqa: E402 - the path above

FOLDER = ROOT / "grafana" / "dashboards"


def main() -> int:
    """Write or check the dashboards."""
    try:
        runbooks = load_values(SHIPPED).runbooks
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    from campaign_dashboards.render import dashboard_files  # noqa: PLC0415 - it reads the values too, which are good by now

    files, differs = dashboard_files(runbooks), False
    FOLDER.mkdir(exist_ok=True)
    for stray in {file.name for file in FOLDER.glob("*.json")} - files.keys():
        print(f"{stray} comes from nowhere: remove it")
        differs = True
    for name, text in files.items():
        file = FOLDER / name
        if "--check" not in sys.argv:
            file.write_text(text, encoding="utf-8")
            print(f"written: grafana/dashboards/{name}")
        elif not file.exists() or file.read_text(encoding="utf-8") != text:
            print(f"{name} is not what the code says: run `make dashboards` and commit it")
            differs = True
    return int(differs)


if __name__ == "__main__":
    sys.exit(main())
