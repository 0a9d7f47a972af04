"""Bring the systems together: the tables that `dvc plots` shows, and the pictures of the texts.

In: metrics, plots/systems. Params: systems.
Out: plots/systems.csv, confusion.csv, history.csv, reliability.csv, systems.png, curves/*.png,
confusion/*.png.
"""

from pathlib import Path
from typing import Any

from ser.core.entry import run
from ser.core.settings import load_values
from ser.reports.figures.systems import draw_report
from ser.reports.revisions import Files
from ser.reports.systems import Results, write_tables


def main() -> None:
    """Report on all systems."""
    names = load_values().section("systems", dict[str, Any])
    systems = [Results(name, Files()) for name in names]
    plots = Path("plots")
    draw_report(systems, write_tables(systems, plots), plots)


if __name__ == "__main__":
    run(main)
