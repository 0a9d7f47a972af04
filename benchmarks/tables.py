"""Tables of the benchmarks as Markdown, in the two languages of the texts."""

from dataclasses import dataclass

import pandas as pd

from ser.markdown import DASH, Language, markdown_table, number

# the row that all others of a system are compared with
REFERENCE = "reference"


@dataclass(frozen=True)
class _Words:
    """What a language calls the columns."""

    ablation: tuple[str, ...]
    speed: tuple[str, ...]
    optimizers: tuple[str, ...]
    front_ends: tuple[str, ...]


_WORDS = {
    "en": _Words(
        ablation=(
            "change",
            "validation UAR in % (± deviation over seeds)",
            "difference",
            "loss (nats)",
            "seconds a fold",
        ),
        speed=(
            "task",
            "way",
            "seconds",
            "clips a second",
            "time relative to ours",
            "validation UAR in %",
        ),
        optimizers=("optimizer", "a step in ms", "its own part in ms", "relative to SGD"),
        front_ends=("front end", "a clip in ms", "a step in ms", "step relative to log-mel"),
    ),
    "es": _Words(
        ablation=(
            "cambio",
            "UAR de validación en % (± desviación sobre semillas)",
            "diferencia",
            "pérdida (nats)",
            "segundos por pliegue",
        ),
        speed=(
            "tarea",
            "modo",
            "segundos",
            "clips por segundo",
            "tiempo respecto al nuestro",
            "UAR de validación en %",
        ),
        optimizers=("optimizador", "un paso en ms", "su propia parte en ms", "respecto a SGD"),
        front_ends=("entrada", "un clip en ms", "un paso en ms", "paso respecto a log-mel"),
    ),
}
# what the tables of speed say, in Spanish
_SPANISH = {
    "features": "características",
    "training": "entrenamiento",
    "training, from files": "entrenamiento, desde los ficheros",
    "prediction": "predicción",
    "this project": "este proyecto",
    "librosa, same numbers": "librosa, los mismos números",
    "notebook, mean MFCC": "cuaderno, media de MFCC",
    "functionals and SVM": "funcionales y SVM",
    "notebook network": "red de cuaderno",
    "SGD with momentum": "SGD con momento",
}


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
        parts.append(f"`{system}`:\n\n{markdown_table(_WORDS[language].ablation, lines, 1)}")
    return "\n\n".join(parts)


def _ablation_line(row: pd.Series, language: Language) -> list[str]:
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


def speed_table(results: pd.DataFrame, language: Language) -> str:
    """The table of `docs/speed.csv`."""
    lines = [
        [
            _said(row["task"], language),
            _said(row["way"], language),
            number(row["seconds"], language, 2),
            number(row["clips_per_second"], language),
            number(row["relative_to_ours"], language, 2),
            number(row["validation_uar"], language),
        ]
        for _, row in results.iterrows()
    ]
    return markdown_table(_WORDS[language].speed, lines, 2)


def optimizers_table(results: pd.DataFrame, language: Language) -> str:
    """The table of `docs/optimizers.csv`."""
    lines = [
        [
            _said(row["optimizer"], language),
            number(row["step_ms"], language),
            number(row["optimizer_ms"], language, 2),
            number(row["relative"], language, 2),
        ]
        for _, row in results.iterrows()
    ]
    return markdown_table(_WORDS[language].optimizers, lines, 1)


def front_ends_table(results: pd.DataFrame, language: Language) -> str:
    """The table of `docs/front_ends.csv`."""
    lines = [
        [
            f"`{row['front_end']}`",
            number(row["features_ms"], language, 2),
            number(row["step_ms"], language),
            number(row["relative"], language),
        ]
        for _, row in results.iterrows()
    ]
    return markdown_table(_WORDS[language].front_ends, lines, 1)


def _said(name: str, language: Language) -> str:
    return _SPANISH.get(name, name) if language == "es" else name
