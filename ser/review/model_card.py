"""Model card and data card of a system, from its tracked results.

Mitchell et al. (2019), "Model cards for model reporting", FAT*; Gebru et al. (2021), "Datasheets
for datasets", Communications of the ACM 64(12).
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from ser.corpora import find_corpus
from ser.errors import SerError
from ser.evaluation.marks import NO_MARK
from ser.markdown import DASH, markdown_table, number
from ser.params import Params

FOLDER = Path("docs/models")


def write_cards(params: Params, root: Path = Path()) -> None:
    """Write the card of every system into `docs/models/`.

    Raises:
        SerError: if results are missing.
    """
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name in params.systems:
        (folder / f"{name}.md").write_text(model_card(name, params, root), encoding="utf-8")


def model_card(name: str, params: Params, root: Path = Path()) -> str:
    """The card of a system, in Markdown.

    Args:
        root: folder with `metrics` and `plots`.

    Raises:
        SerError: if results are missing.
    """
    metrics = _read(root / f"metrics/{name}.json")
    floors = _read(root / f"metrics/floors/{name}.json")
    actors = _read(root / f"metrics/actors/{name}.json")
    system = params.system(name)
    mark = [] if metrics["mark"] == NO_MARK else [f"**{metrics['mark']}**"]
    corpora = [find_corpus(corpus) for corpus in params.corpora_of(system)]
    helpers = params.helpers_of(system)
    return "\n\n".join(
        [
            f"# Model card: `{name}`",
            *mark,
            _what(metrics, params, name, [corpus.title for corpus in corpora]),
            "## Use",
            "To compare methods of speech emotion recognition on these corpora, and to teach how "
            "that is done. Not for judging people: the recordings are acted, the speakers few, "
            "and an emotion that was shown on request is not one that was felt. Not for other "
            "languages, rooms or microphones without a test there "
            "([languages](../languages.md)).",
            "## Scores",
            _scores(metrics),
            "By group:",
            _groups(metrics),
            f"Between speakers UAR lies from {number(actors['hardest'], 'en')} to "
            f"{number(actors['easiest'], 'en')} %. Whoever uses it meets one speaker at a time, "
            "and should expect that spread rather than the mean.",
            f"![Confusion](../../plots/{name}/confusion.png)",
            "## What needs no network",
            _floors(metrics, floors),
            "## Data",
            *(_data_card(corpus.name, root) for corpus in corpora),
            *([f"Clips of {', '.join(helpers)} train too, and are not tested."] if helpers else []),
            "## Make it again",
            f"```sh\ndvc repro evaluate@{name}\n```",
            "Written by `ser readme` from `metrics/` and `plots/`.",
            "",
        ]
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SerError(f"{path} is missing; run `dvc repro`.") from None
    return values


def _what(metrics: dict[str, Any], params: Params, name: str, titles: list[str]) -> str:
    training, seeds = params.training, len(params.seeds_of(params.system(name)))
    return (
        f"Recognises {len(metrics['recall'])} emotions in {', '.join(titles)}. Protocol "
        f"`{metrics['protocol']}`. {training.networks} convolutional networks of size "
        f"`{params.model_size}` on `{params.features.front_end}`, trained from scratch by "
        f"`{params.optimizer}`, and a linear classifier of functionals (weight "
        f"{training.linear_share:g}); {metrics['parameters']} trained numbers in all. Scores are "
        f"means over {seeds} seeds."
    )


def _scores(metrics: dict[str, Any]) -> str:
    interval = DASH
    if metrics["uar_low"] is not None:
        low, high = (number(metrics[side], "en") for side in ("uar_low", "uar_high"))
        interval = f"{low}{DASH}{high}"
    lines = [
        ["unweighted average recall in %", number(metrics["uar"], "en"), interval],
        ["accuracy in %", number(metrics["accuracy"], "en"), DASH],
        ["macro F1 in %", number(metrics["macro_f1"], "en"), DASH],
        ["calibration error, calibrated", number(metrics["ece_calibrated"], "en", 3), DASH],
        ["chance in %", number(metrics["chance"], "en"), DASH],
    ]
    return markdown_table(["score", "value", "95 % interval over speakers"], lines)


def _groups(metrics: dict[str, Any]) -> str:
    lines = [
        [f"{words}, UAR in %", number(metrics[key], "en")]
        for key, words in (("uar_female", "women"), ("uar_male", "men"))
        if metrics[key] is not None
    ]
    lines += [
        [f"intensity {name}, UAR in %", number(row["uar"], "en")]
        for name, row in metrics["intensities"].items()
    ]
    lines += [
        [f"`{name}`, recall in %", number(recall, "en")]
        for name, recall in metrics["recall"].items()
    ]
    return markdown_table(["group", "score"], lines)


def _floors(metrics: dict[str, Any], floors: dict[str, Any]) -> str:
    lines = [["this system", number(metrics["uar"], "en")]]
    lines += [
        [name.replace("_", " "), number(row["uar"], "en")]
        for name, row in floors.items()
        if isinstance(row, dict)
    ]
    return markdown_table(["", "UAR in %"], lines)


def _data_card(name: str, root: Path) -> str:
    corpus = find_corpus(name)
    path = root / f"plots/cards/{name}.csv"
    try:
        rows = pd.read_csv(path)
    except FileNotFoundError:
        raise SerError(f"{path} is missing; run `dvc repro cards`.") from None
    genders = rows.groupby("gender")["n_speakers"].max()
    lines = [
        ["language", f"`{corpus.language}`"],
        ["clips", number(rows["n_clips"].sum(), "en", 0)],
        *([f"speakers, {gender}", number(count, "en", 0)] for gender, count in genders.items()),
        ["emotions", ", ".join(f"`{name}`" for name in dict.fromkeys(rows["emotion"]))],
        [
            "seconds of speech a clip",
            number((rows["speech_s"] * rows["n_clips"]).sum() / rows["n_clips"].sum(), "en"),
        ],
        ["speech", "acted, in a studio, on given sentences"],
        ["licence", corpus.licence],
        ["citation", corpus.citation],
        ["more", f"[the corpora](../corpora.md), `plots/cards/{name}.csv`"],
    ]
    return f"### {corpus.title}\n\n" + markdown_table(["", ""], lines, 2)
