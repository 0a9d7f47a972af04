"""Bring the systems together in one table and one chart.

In: metrics/<system>.json of every system. Params: systems.
Out: plots/systems.csv, plots/systems.png.
"""

import json
from pathlib import Path

from ser.entry import run
from ser.evaluation.report import systems_table
from ser.files import write_csv
from ser.params import load_params
from ser.plots import draw_systems


def main() -> None:
    """Report on all systems."""
    names = list(load_params().systems)
    metrics = {
        name: json.loads(Path(f"metrics/{name}.json").read_text(encoding="utf-8")) for name in names
    }
    table = systems_table(metrics)
    write_csv(Path("plots/systems.csv"), table, decimals=2)
    draw_systems(table, Path("plots/systems.png"))


if __name__ == "__main__":
    run(main)
