"""Bring the systems together in one table and one chart.

In: metrics/<system>.json and metrics/floors/<system>.json of every system. Params: systems.
Out: plots/systems.csv, plots/systems.png.
"""

from pathlib import Path

from ser.entry import run
from ser.evaluation.report import read_metrics, systems_table
from ser.files import write_csv
from ser.params import load_params
from ser.plots import draw_systems


def main() -> None:
    """Report on all systems."""
    names = list(load_params().systems)
    metrics, floors = (read_metrics(Path(at), names) for at in ("metrics", "metrics/floors"))
    table = systems_table(metrics, floors)
    write_csv(Path("plots/systems.csv"), table, decimals=4)
    draw_systems(table, Path("plots/systems.png"))


if __name__ == "__main__":
    run(main)
