"""Write alerts/rules and docs/alerts.md from alerts/values.yaml. With --check: say what differs, and change nothing."""

import sys
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "alerts"))

from campaign_alerts.page import alerts_page  # noqa: E402 - the path is set above
from campaign_alerts.render import groups, rule_files  # noqa: E402 - the same
from campaign_alerts.values import SHIPPED, load_values  # noqa: E402 - the same
from campaign_exporter.document import ConfigurationError  # noqa: E402 - the same

_RULES = ROOT / "alerts" / "rules"
_PAGE = ROOT / "docs" / "alerts.md"
_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.option("--check", is_flag=True, help="Say what differs, and change nothing.")
@click.option("--values", type=_FILE, default=SHIPPED, help="Another file of values.")
@click.option("--output", type=_FOLDER, help="Write the rules to this folder instead, and no page.")
def main(*, check: bool, values: Path, output: Path | None) -> None:
    """Write or check what comes from the values."""
    try:
        loaded = load_values(values)
        files = {(output or _RULES) / name: text for name, text in rule_files(loaded).items()}
        if output is None:
            files[_PAGE] = alerts_page(loaded, groups(loaded))
    except ConfigurationError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    sys.exit(_differences(files, output or _RULES) if check else _write(files))


def _differences(files: dict[Path, str], folder: Path) -> int:
    wrong = [file for file, text in files.items() if not file.exists() or file.read_text(encoding="utf-8") != text]
    wrong += sorted({*folder.glob("*.yml")} - files.keys())
    for file in wrong:
        click.echo(f"{file} is not what the values say: run `make rules` and commit it")
    return int(bool(wrong))


def _write(files: dict[Path, str]) -> int:
    for file, text in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        click.echo(f"written: {file}")
    return 0


if __name__ == "__main__":
    main()
