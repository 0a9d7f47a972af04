"""Put the results of the benchmarks into the texts: `python -m benchmarks.texts`.

Tables of `docs/ablation.csv`, `docs/speed.csv`, `docs/optimizers.csv` and `docs/front_ends.csv`
stand between markers in the texts of the same names (`front_ends` in `docs/features.md`);
`docs/sizes.png` is drawn from rows of the ablation.
"""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from benchmarks.figures import draw_sizes
from benchmarks.sizes import size_rows
from benchmarks.tables import ablation_tables, front_ends_table, optimizers_table, speed_table
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
    "front_ends": front_ends_table,
}
# texts that are called otherwise than their benchmark
TEXTS = {"front_ends": "features"}
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
            put_between(
                DOCS / f"{TEXTS.get(name, name)}{ending}", RESULTS, table(results, language)
            )
    sizes = size_rows(read_results("ablation"), load_params().model_size)
    draw_sizes(sizes, DOCS / "sizes.png")


if __name__ == "__main__":
    run(main)
