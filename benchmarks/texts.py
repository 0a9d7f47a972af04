"""Put the results of the benchmarks into the texts: `python -m benchmarks.texts`.

Tables of `docs/ablation.csv`, `docs/speed.csv` and `docs/optimizers.csv` stand between markers in
the texts of the same names; `docs/sizes.png` is drawn from rows of the ablation.
"""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from benchmarks.figures import draw_sizes
from benchmarks.sizes import size_rows
from benchmarks.tables import ablation_tables, optimizers_table, speed_table
from ser.entry import run
from ser.errors import SerError
from ser.markdown import Language, put_between
from ser.params import load_params
from ser.readme import RESULTS

DOCS = Path("docs")
TABLES: dict[str, Callable[[pd.DataFrame, Language], str]] = {
    "ablation": ablation_tables,
    "speed": speed_table,
    "optimizers": optimizers_table,
}
LANGUAGES: dict[Language, str] = {"en": ".md", "es": ".es.md"}


def read_results(name: str) -> pd.DataFrame:
    """The table that `python -m benchmarks.<name>` writes.

    Raises:
        SerError: if it is not there.
    """
    path = DOCS / f"{name}.csv"
    if not path.is_file():
        raise SerError(f"There is no {path}; run `python -m benchmarks.{name}`.")
    return pd.read_csv(path)


def main() -> None:
    """Write all tables in both languages, and draw the sizes."""
    for name, table in TABLES.items():
        results = read_results(name)
        for language, ending in LANGUAGES.items():
            put_between(DOCS / f"{name}{ending}", RESULTS, table(results, language))
    sizes = size_rows(read_results("ablation"), load_params().model_size)
    draw_sizes(sizes, DOCS / "sizes.png")


if __name__ == "__main__":
    run(main)
