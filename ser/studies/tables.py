"""Tables of the studies for the texts, in the two languages."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from ser.errors import SerError
from ser.evaluation.marks import NO_MARK
from ser.markdown import (
    DASH,
    Language,
    markdown_table,
    marked,
    number,
    put_between,
    with_interval,
)
from ser.readme import RESULTS

Table = Callable[[pd.DataFrame, Language], str]

# what tables say in Spanish, word by word
_SPANISH = {
    # headings
    "protocol": "protocolo",
    "UAR in % (95 % interval)": "UAR en % (intervalo del 95 %)",
    "deviation over seeds": "desviación sobre semillas",
    "gain in points (95 % interval)": "ganancia en puntos (intervalo del 95 %)",
    "trained on": "entrenado con",
    "tested": "probado con",
    "unlabelled clips": "clips sin etiqueta",
    "notebook": "cuaderno",
    "split": "partición",
    "accuracy in %": "exactitud en %",
    "training accuracy in %": "exactitud de entrenamiento en %",
    "model": "modelo",
    "tested on": "probado con",
    "alone, all speakers": "solo, todos sus hablantes",
    "emotion": "emoción",
    "speakers": "hablantes",
    "speech in s": "habla en s",
    "silence in %": "silencio en %",
    "level in dB": "nivel en dB",
    # rungs of the ladder
    "rung": "peldaño",
    "new speakers, new words": "hablantes nuevos, palabras nuevas",
    "new speakers": "hablantes nuevos",
    "new speakers, copies of training clips": (
        "hablantes nuevos, copias de clips de entrenamiento"
    ),
    "best epoch on the test fold": "la mejor época en el pliegue de prueba",
    "speaker normalisation, undeclared": "normalización por hablante sin declarar",
    "random split": "partición al azar",
    "augmented before a random split": "aumento antes de una partición al azar",
    "all of it together": "todo a la vez",
    # genders
    "women and men": "mujeres y hombres",
    "women and men, half of each": "mujeres y hombres, la mitad de cada",
    "own gender": "su propio género",
    "other gender": "el otro género",
    "all": "todos",
    "female": "mujeres",
    "male": "hombres",
    # corpora and models
    "network": "red",
    "functionals and SVM": "funcionales y SVM",
    "all others": "todos los demás",
    "all corpora": "todos los corpus",
    "none": "ninguno",
    "all that remain": "todos los que quedan",
    # notebooks
    "1: larger, SGD": "1: más grande, SGD",
    "2: simplified, RMSprop": "2: simplificada, RMSprop",
    "3: the same with augmentation": "3: lo mismo con aumento",
    "own": "la suya (con fugas)",
    "ours": "la nuestra",
    # optimizers
    "optimizer": "optimizador",
    "learning rate": "tasa de aprendizaje",
    "validation UAR in %": "UAR de validación en %",
    "SGD with momentum": "SGD con momento",
    # augmentations
    "augmentation": "aumento",
    "dynamic value change": "cambio del valor dinámico",
    "pitch tuning": "cambio de tono",
    "white noise": "ruido blanco",
    "shifting": "desplazamiento",
    "speed": "velocidad",
    "all five": "los cinco",
    "on features only": "solo sobre los rasgos",
    "all five, and on features": "los cinco, y sobre los rasgos",
    # groups of functionals
    "group": "grupo",
    "functionals": "funcionales",
    "alone: UAR in % (95 % interval)": "solo: UAR en % (intervalo del 95 %)",
    "without it: points": "sin él: puntos",
    "permuted: points": "permutado: puntos",
    "set to its mean: points": "puesto en su media: puntos",
    "all groups": "todos los grupos",
    "energy": "energía",
    "pitch": "tono",
    "voice quality": "calidad de la voz",
    "spectral shape": "forma del espectro",
    "MFCC, how they vary together": "MFCC, cómo varían juntos",
    "rhythm": "ritmo",
}
_ENGLISH = {"own": "their own (leaky)", "all": "everybody", "female": "women", "male": "men"}


def say(words: str, language: Language) -> str:
    """Words of a table in a language; names of corpora stay as they are."""
    if language == "es":
        return _SPANISH.get(words, words)
    return _ENGLISH.get(words, words)


def _table(header: list[str], lines: list[list[str]], language: Language, names: int = 1) -> str:
    return markdown_table([say(words, language) for words in header], lines, names)


def ladder_table(rows: pd.DataFrame, language: Language) -> str:
    """A row a rung; leaky ones in bold."""
    lines = []
    for _, row in rows.iterrows():
        name = say(row["rung"], language)
        lines.append(
            [
                name if row["mark"] == NO_MARK else f"**{name}**",
                f"`{row['protocol']}`",
                with_interval(row, "uar", language),
                number(row["uar_deviation"], language),
                with_interval(row, "difference", language, signed=True),
            ]
        )
    header = ["rung", "protocol", "UAR in % (95 % interval)", "deviation over seeds"]
    return _table([*header, "gain in points (95 % interval)"], lines, language, 2)


def gender_table(rows: pd.DataFrame, language: Language) -> str:
    """A row a kind of training; a column a group of tested speakers."""
    groups = rows["tested"].unique()
    lines = [
        [
            say(str(kind), language),
            *(
                with_interval(some[some["tested"] == group].iloc[0], "uar", language)
                for group in groups
            ),
        ]
        for kind, some in rows.groupby("trained_on", sort=False)
    ]
    return _table(["trained on", *groups], lines, language)


def normalisation_table(rows: pd.DataFrame, language: Language) -> str:
    """A row a number of clips."""
    lines = [
        [
            number(row["clips"], language, decimals=0),
            with_interval(row, "uar", language),
            with_interval(row, "difference", language, signed=True),
        ]
        for _, row in rows.iterrows()
    ]
    header = ["unlabelled clips", "UAR in % (95 % interval)", "gain in points (95 % interval)"]
    return _table(header, lines, language)


def matrix_table(rows: pd.DataFrame, language: Language) -> str:
    """A row a model and what trained it; a column a tested corpus."""
    tested = sorted(rows["tested_on"].unique())
    lines = []
    for (model, source), some in rows.groupby(["model", "trained_on"], sort=False):
        cells = {row["tested_on"]: row for _, row in some.iterrows()}
        lines.append(
            [
                say(str(model), language),
                say(str(source), language),
                *(with_interval(cells[name], "uar", language) for name in tested),
            ]
        )
    return _table(["model", "trained on", *tested], lines, language, 2)


def curve_table(rows: pd.DataFrame, language: Language) -> str:
    """A row a tested corpus; a column a number of its speakers who train."""
    labels = list(rows["label"].astype(str).unique())
    lines = []
    for corpus, some in rows.groupby("tested_on"):
        uar = dict(zip(some["label"].astype(str), some["uar"], strict=True))
        within = number(some["within"].iloc[0], language)
        lines.append([str(corpus), *(number(uar[label], language) for label in labels), within])
    counts = ["all that remain" if label == "all" else label for label in labels]
    return _table(["tested on", *counts, "alone, all speakers"], lines, language)


def notebooks_table(rows: pd.DataFrame, language: Language) -> str:
    """A row a notebook and split; leaky splits in bold."""
    lines = []
    for _, row in rows.iterrows():
        split = say(row["split"], language)
        lines.append(
            [
                say(row["notebook"], language),
                split if row["mark"] == NO_MARK else f"**{split}**",
                with_interval(row, "uar", language),
                number(row["accuracy"], language),
                number(row["training_accuracy"], language),
            ]
        )
    header = ["notebook", "split", "UAR in % (95 % interval)", "accuracy in %"]
    return _table([*header, "training accuracy in %"], lines, language, 2)


def card_lines(rows: pd.DataFrame, language: Language) -> str:
    """A row an emotion, women and men together."""
    lines = []
    for emotion, some in rows.groupby("emotion", sort=False):
        weight = some["n_clips"] / some["n_clips"].sum()
        means = [
            float((weight * some[column]).sum())
            for column in ("speech_s", "silence_percent", "level_db")
        ]
        counts = [number(some["n_clips"].sum(), language, 0)]
        counts.append(number(some["n_speakers"].sum(), language, 0))
        lines.append([f"`{emotion}`", *counts, *(number(mean, language) for mean in means)])
    header = ["emotion", "clips", "speakers", "speech in s", "silence in %", "level in dB"]
    return _table(header, lines, language)


def optimizers_table(rows: pd.DataFrame, language: Language) -> str:
    """A row an optimizer, at its chosen rate."""
    lines = [
        [
            say(row["optimizer"], language),
            _shortest(row["rate"], language),
            number(row["validation_uar"], language),
            with_interval(row, "uar", language),
            number(row["uar_deviation"], language),
            with_interval(row, "difference", language, signed=True),
        ]
        for _, row in rows.iterrows()
    ]
    header = ["optimizer", "learning rate", "validation UAR in %", "UAR in % (95 % interval)"]
    return _table(
        [*header, "deviation over seeds", "gain in points (95 % interval)"], lines, language
    )


def _shortest(value: float, language: Language) -> str:
    text = f"{value:g}"
    return text.replace(".", ",") if language == "es" else text


def augmentations_table(rows: pd.DataFrame, language: Language) -> str:
    """A row a recipe."""
    lines = [
        [
            say(row["augmentation"], language),
            with_interval(row, "uar", language),
            number(row["uar_deviation"], language),
            with_interval(row, "difference", language, signed=True),
        ]
        for _, row in rows.iterrows()
    ]
    header = ["augmentation", "UAR in % (95 % interval)", "deviation over seeds"]
    return _table([*header, "gain in points (95 % interval)"], lines, language)


def groups_table(rows: pd.DataFrame, language: Language) -> str:
    """A row a group of functionals; a column a way to ask what it is worth."""
    lines = []
    for group, some in rows.groupby("group", sort=False):
        ways = {row["way"]: row for _, row in some.iterrows()}
        gains = [
            with_interval(ways[way], "difference", language, signed=True) if way in ways else DASH
            for way in ("without", "permuted", "occluded")
        ]
        count = number(some["functionals"].iloc[0], language, 0)
        alone = with_interval(ways["alone"], "uar", language)
        lines.append([say(str(group), language), count, alone, *gains])
    header = ["group", "functionals", "alone: UAR in % (95 % interval)", "without it: points"]
    return _table([*header, "permuted: points", "set to its mean: points"], lines, language)


_TABLES: dict[str, Table] = {
    "optimizers": optimizers_table,
    "augmentations": augmentations_table,
    "importance": groups_table,
    "cards": card_lines,
    "ladder": ladder_table,
    "gender": gender_table,
    "speaker_normalisation": normalisation_table,
    "cross_lingual": matrix_table,
    "notebooks": notebooks_table,
}


def study_table(name: str, plots: Path, language: Language) -> str:
    """The table called `<study>/<corpus>`, from `plots/<study>/<corpus>.csv`.

    Raises:
        SerError: if there is no such study, or its results are missing.
    """
    study, _, corpus = name.partition("/")
    if study not in _TABLES:
        known = ", ".join(_TABLES)
        raise SerError(f"A text asks for the table {name}; there are tables of {known}.")
    path = plots / study / f"{corpus}.csv"
    try:
        # "none" is a name here, not a gap
        rows = pd.read_csv(path, keep_default_na=False, na_values=[""])
    except FileNotFoundError:
        raise SerError(f"{path} is missing; run `make studies`.") from None
    table = curve_table if corpus.endswith("_curve") else _TABLES[study]
    return table(rows, language)


def study_tables(text: str) -> list[str]:
    """Names of the tables of studies in a text; `results` are those of a benchmark."""
    return [name for name in marked(text) if name != RESULTS]


def update_studies(path: Path, plots: Path, language: Language) -> None:
    """Bring every table of a text up to date."""
    for name in study_tables(path.read_text(encoding="utf-8")):
        put_between(path, name, study_table(name, plots, language))
