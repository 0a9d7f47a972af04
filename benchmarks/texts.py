"""Put the results of the benchmarks into the texts: `python -m benchmarks.texts`.

Each table of `docs/` that a benchmark measures stands between markers of one or two texts;
`docs/sizes.png` is drawn from rows of the ablation.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmarks.figures import draw_sizes
from benchmarks.scale.growth import DISK, WORKERS, project, summarize
from ser.core.entry import run
from ser.core.errors import SerError
from ser.core.settings import load_values
from ser.reports.markdown import DASH, Language, markdown_table, number, put_between, say
from ser.reports.tables import RESULTS

DOCS = Path("docs")
LANGUAGES: dict[Language, str] = {"en": ".md", "es": ".es.md"}
# the row that all others of a system are compared with
REFERENCE = "reference"
# rows of the ablation that are other sizes of the network
SIZES = {"small model": "small", "large model": "large"}
# headings, and what stands below them: a column, and its decimals; None is words
_Columns = Mapping[str, tuple[str, int | None]]
_SPEED: _Columns = {
    "task": ("task", None),
    "way": ("way", None),
    "seconds": ("seconds", 2),
    "clips a second": ("clips_per_second", 1),
    "time relative to ours": ("relative_to_ours", 2),
    "validation UAR in %": ("validation_uar", 1),
}
_OPTIMIZERS: _Columns = {
    "optimizer": ("optimizer", None),
    "a step in ms": ("step_ms", 1),
    "its own part in ms": ("optimizer_ms", 2),
    "relative to SGD": ("relative", 2),
}
_FRONT_ENDS: _Columns = {
    "front end": ("front_end", None),
    "a clip in ms": ("features_ms", 2),
    "a step in ms": ("step_ms", 1),
    "step relative to log-mel": ("relative", 1),
}
_TRUST: _Columns = {
    "sound": ("sound", None),
    "recordings": ("recordings", 0),
    "`no speech`, %": ("no speech", 0),
    "`unlike training`, %": ("unlike training", 0),
    "`unsure`, %": ("unsure", 0),
    "any warning, %": ("any", 0),
    "accuracy in %": ("accuracy", 0),
    "accuracy without a warning, %": ("accuracy_unflagged", 0),
}
_COVERAGE: _Columns = {
    "system": ("system", None),
    "answers kept": ("kept", None),
    "confidence of at least": ("confidence", 2),
    "accuracy in %": ("accuracy", 1),
}
_STRANGERS: _Columns = {
    "corpus left out": ("corpus", None),
    "standardised by": ("standardised by", None),
    "UAR in %": ("uar", 1),
}
_ONNX: _Columns = {
    "answered by": ("way", None),
    "file in MB": ("size_mb", 2),
    "largest difference between them": ("difference", 7),
    "cold start in s": ("cold_wall_s", 2),
    "cold start, s of the processor": ("cold_cpu_s", 2),
    "memory in MB": ("cold_memory_mb", 0),
    "warm, ms a clip": ("warm_ms", 1),
    "an hour, s of the processor": ("long_cpu_s", 0),
    "an hour, memory in MB": ("long_memory_mb", 0),
}
_LANGUAGES: _Columns = {
    "way to train": ("way", None),
    **{name: (name, 1) for name in ("ravdess", "emodb", "emovo", "urdu", "turev")},
    "mean": ("mean", 1),
}
_CLUSTER: _Columns = {
    "way": ("way", None),
    "seconds": ("seconds", 0),
    "workers killed": ("kills", 0),
    "the same dvc.lock": ("same_lock", None),
}
_STORM: _Columns = {
    "kind": ("kind", None),
    "tried": ("tried", 0),
    "refused in one sentence": ("refused", 0),
    "accepted rightly": ("accepted", 0),
    "faults": ("faults", 0),
}
_SCALE: _Columns = {
    "stage": ("stage", None),
    "clips": ("clips", 0),
    "seconds": ("seconds", 1),
    "seconds of the processor": ("cpu_seconds", 1),
    "peak memory, MB": ("held_mb", 0),
    "with mapped files, MB": ("peak_mb", 0),
    "on disk, MB": ("mb", 1),
    "exponent of time": ("time_exponent", 2),
    "exponent of memory": ("memory_exponent", 2),
}
_PROJECTION: _Columns = {
    "what": ("stage", None),
    "hours, one machine": ("hours", 1),
    f"hours, {WORKERS} workers": ("hours_shared", 1),
    "memory, GB": ("memory_gb", 1),
    "on disk, GB": ("disk_gb", 0),
    "full at, million clips": ("millions", 2),
}
_ABLATION = (
    "change",
    "validation UAR in % (± deviation over seeds)",
    "difference",
    "loss (nats)",
    "seconds a fold",
)


def _table(columns: _Columns, results: pd.DataFrame, language: Language) -> str:
    names = sum(decimals is None for _, decimals in columns.values())
    lines = [
        [
            say(str(row[key]), language)
            if decimals is None
            else number(row[key], language, decimals)
            for key, decimals in columns.values()
        ]
        for _, row in results.iterrows()
    ]
    return markdown_table([say(words, language) for words in columns], lines, names)


def speed_table(results: pd.DataFrame, language: Language) -> str:
    """The table of `docs/speed.csv`."""
    return _table(_SPEED, results, language)


def optimizers_table(results: pd.DataFrame, language: Language) -> str:
    """The table of `docs/optimizers.csv`; rows of params.yaml are set as code."""
    as_code = results.assign(optimizer="`" + results["optimizer"] + "`")
    return _table(_OPTIMIZERS, as_code, language)


def front_ends_table(results: pd.DataFrame, language: Language) -> str:
    """The table of `docs/front_ends.csv`."""
    as_code = results.assign(front_end="`" + results["front_end"] + "`")
    return _table(_FRONT_ENDS, as_code, language)


def trust_table(results: pd.DataFrame, language: Language) -> str:
    """The table of `docs/trust.csv`."""
    return _table(_TRUST, results, language)


def coverage_table(results: pd.DataFrame, language: Language) -> str:
    """The table of `docs/trust_coverage.csv`: all, half, and those that are not unsure."""
    chosen = results[results["kept"].isin(["100 %", "50 %", "not unsure"])]
    share = chosen["coverage"].map(lambda value: f"{value:.0f} %")
    sure = say("not unsure", language) + ": " + share
    kept = chosen["kept"].where(chosen["kept"].str.endswith("%"), sure)
    as_code = chosen.assign(system="`" + chosen["system"] + "`", kept=kept)
    return _table(_COVERAGE, as_code, language)


def strangers_table(results: pd.DataFrame, language: Language) -> str:
    """The table of `docs/trust_strangers.csv`."""
    return _table(_STRANGERS, results, language)


def onnx_table(results: pd.DataFrame, language: Language) -> str:
    """The table of `docs/onnx.csv`."""
    return _table(_ONNX, results, language)


def languages_table(results: pd.DataFrame, language: Language) -> str:
    """The table of `docs/search_languages.csv`: UAR in percent of validation speakers."""
    return _table(_LANGUAGES, results, language)


def cluster_table(results: pd.DataFrame, language: Language) -> str:
    """The table of `docs/cluster.csv`."""
    return _table(_CLUSTER, results, language)


def ablation_tables(results: pd.DataFrame, language: Language) -> str:
    """One table a system of `docs/ablation.csv`, each under its name, the best change first.

    Differences are to the row `reference` of the same system, in percentage points.
    """
    parts = []
    for system, rows in pool_repeats(results).groupby("system", sort=False):
        as_is = rows.loc[rows["change"] == REFERENCE, "validation_uar"]
        base = float(as_is.iloc[0]) if len(as_is) else float("nan")
        ranked = rows.assign(difference=rows["validation_uar"] - base).sort_values(
            ["difference", "change"], ascending=[False, True]
        )
        lines = [_ablation_line(row, language) for _, row in ranked.iterrows()]
        header = [say(words, language) for words in _ABLATION]
        parts.append(f"`{system}`:\n\n{markdown_table(header, lines)}")
    return "\n\n".join(parts)


def _ablation_line(row: "pd.Series", language: Language) -> list[str]:
    score = number(row["validation_uar"], language)
    if pd.notna(row["deviation"]):
        score += f" ± {number(row['deviation'], language)}"
    return [
        row["change"],
        score,
        DASH if row["change"] == REFERENCE else number(row["difference"], language, signed=True),
        number(row["validation_loss"], language, 3),
        number(row["seconds_per_fold"], language),
    ]


def pool_repeats(results: pd.DataFrame) -> pd.DataFrame:
    """One row a system and change: rows of the same change, measured again, are taken together.

    Scores and losses are means over all seeds; the deviation is that of all seeds, from those of
    the rows and between them; seconds are those of the fastest, for others had company.
    """
    rows = []
    for _, same in results.groupby(["system", "change"], sort=False):
        if len(same) == 1:
            rows.append(same.iloc[0].to_dict())
            continue
        weight = same["seeds"] / same["seeds"].sum()
        mean = float((weight * same["validation_uar"]).sum())
        within = ((same["seeds"] - 1) * same["deviation"].fillna(0.0) ** 2).sum()
        between = (same["seeds"] * (same["validation_uar"] - mean) ** 2).sum()
        freedom = same["seeds"].sum() - 1
        rows.append(
            same.iloc[0].to_dict()
            | {
                "validation_uar": mean,
                "deviation": ((within + between) / freedom) ** 0.5 if freedom else float("nan"),
                "validation_loss": float((weight * same["validation_loss"]).sum()),
                "seconds_per_fold": float(same["seconds_per_fold"].min()),
                "seeds": int(same["seeds"].sum()),
            }
        )
    return pd.DataFrame(rows)


def size_rows(results: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Rows of systems that were trained in more than one size, with a column `size`.

    Args:
        results: as `docs/ablation.csv`.
        reference: size that the row which others are compared with has.

    Raises:
        SerError: if there are none.
    """
    pooled = pool_repeats(results)
    sizes = pooled["change"].map({**SIZES, REFERENCE: reference})
    rows = pooled.assign(size=sizes).dropna(subset=["size"])
    several = rows.groupby("system")["size"].transform("nunique") > 1
    if not several.any():
        raise SerError("No system has results in two sizes; run `python -m benchmarks.ablation`.")
    return rows[several].sort_values(["system", "parameters"], ignore_index=True)


def storm_table(results: pd.DataFrame, language: Language) -> str:
    """The table of `docs/storm.csv`."""
    return _table(_STORM, results, language)


def scale_table(results: pd.DataFrame, language: Language) -> str:
    """The table of `docs/scale.csv`: every stage at the largest size, and its growth."""
    found = summarize(results)
    return _table(_SCALE, found.assign(stage="`" + found["stage"] + "`"), language)


def projection_table(results: pd.DataFrame, language: Language) -> str:
    """Where `docs/scale.csv` leads; a dash where nothing is ever full."""
    found = project(results)
    stage = found["stage"].where(found["stage"] == DISK, "`" + found["stage"] + "`")
    millions = found["full_at"].replace(float("inf"), float("nan")) / 1e6
    return _table(_PROJECTION, found.assign(stage=stage, millions=millions), language)


def commands_table(results: pd.DataFrame, language: Language) -> str:
    """Minutes of whole commands in `docs/stage_seconds.csv`, the longest first."""
    whole = results[results["stage"].str.startswith("make ")]
    lines = [
        [f"`{row['stage']}`", number(row["seconds"] / 60, language)]
        for _, row in whole.sort_values("seconds", ascending=False).iterrows()
    ]
    return markdown_table([say(words, language) for words in ("command", "minutes")], lines)


def stages_table(results: pd.DataFrame, language: Language) -> str:
    """Stages of `docs/stage_seconds.csv`, those of one kind together, the longest first."""
    stages = results[~results["stage"].str.startswith("make ")]
    kinds = stages.groupby(stages["stage"].str.partition(" ")[0])["seconds"].agg(["size", "sum"])
    lines = [
        [f"`{kind}`", number(row["size"], language, 0), number(row["sum"], language, 0)]
        for kind, row in kinds.sort_values("sum", ascending=False).iterrows()
    ]
    header = ("stage", "runs", "seconds, all together")
    return markdown_table([say(words, language) for words in header], lines)


@dataclass(frozen=True)
class Shown:
    """A table in a text.

    Attributes:
        name: of the file `docs/<name>.csv` that it is made from.
        module: the benchmark that writes that file.
        text: path of the text, without its ending.
        marker: between which markers it stands.
    """

    name: str
    module: str
    text: str
    marker: str
    table: Callable[[pd.DataFrame, Language], str]


TABLES = (
    Shown("ablation", "ablation", "docs/ablation", RESULTS, ablation_tables),
    Shown("speed", "speed", "docs/speed", RESULTS, speed_table),
    Shown("optimizers", "steps", "docs/optimizers", RESULTS, optimizers_table),
    Shown("front_ends", "steps", "docs/features", RESULTS, front_ends_table),
    Shown("trust", "trust", "docs/own_voice", RESULTS, trust_table),
    Shown("trust_coverage", "trust", "docs/own_voice", "coverage", coverage_table),
    Shown("trust_strangers", "trust", "docs/own_voice", "strangers", strangers_table),
    Shown("onnx", "onnx", "docs/own_voice", "onnx", onnx_table),
    Shown("search_languages", "mixing", "docs/languages", RESULTS, languages_table),
    Shown("cluster", "cluster", "docs/organisation", "cluster", cluster_table),
    Shown("storm", "storm", "docs/storm", RESULTS, storm_table),
    Shown("scale", "scale", "docs/scale", RESULTS, scale_table),
    Shown("scale", "scale", "docs/scale", "projection", projection_table),
    Shown("stage_seconds", "pipeline", "README", "seconds", commands_table),
    Shown("stage_seconds", "pipeline", "docs/speed", "seconds", stages_table),
)


def read_results(name: str, module: str) -> pd.DataFrame:
    """The table `docs/<name>.csv`.

    Raises:
        SerError: if it is not there.
    """
    path = DOCS / f"{name}.csv"
    if not path.is_file():
        raise SerError(f"There is no {path}; run `python -m benchmarks.{module}`.")
    return pd.read_csv(path)


def main() -> None:
    """Write all tables in both languages, and draw the sizes."""
    for one in TABLES:
        results = read_results(one.name, one.module)
        for language, ending in LANGUAGES.items():
            path = Path(f"{one.text}{ending}")
            put_between(path, one.marker, one.table(results, language))
    ablation = read_results("ablation", "ablation")
    sizes = size_rows(ablation, load_values().section("model_size", str))
    draw_sizes(sizes, DOCS / "sizes.png")


if __name__ == "__main__":
    run(main)
