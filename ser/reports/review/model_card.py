"""Model card and data card of a system, from its tracked results.

Mitchell et al. (2019), "Model cards for model reporting", FAT*; Gebru et al. (2021), "Datasheets
for datasets", Communications of the ACM 64(12).
"""

from pathlib import Path

from ser.core.settings import Values
from ser.core.tables import Table
from ser.corpora import find_corpus
from ser.guards.protocol import NO_MARK
from ser.models.settings import Linear
from ser.reading.settings import load_system_settings
from ser.reports.markdown import markdown_table, number, say, with_interval
from ser.reports.revisions import Files
from ser.reports.systems import Results
from ser.shortcuts.verdicts import read_shortcuts, sentences, table_path

FOLDER = Path("docs/models")
_CARD = Table(
    "The table of clips",
    {"emotion": str, "gender": str, "n_clips": int, "n_speakers": int, "speech_s": float},
    remedy="run `make studies`",
)
_USE = (
    "To compare methods of speech emotion recognition on these corpora, and to teach how that is "
    "done. Not for judging people: the recordings are acted, the speakers few, and an emotion that "
    "was shown on request is not one that was felt. Not for other languages, rooms or microphones "
    "without a test there ([languages](../languages.md))."
)


def write_cards(values: Values, root: Path = Path()) -> None:
    """Write the card of every system into `docs/models/`.

    Raises:
        SerError: if results are missing.
    """
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name in values.section("systems", dict):
        (folder / f"{name}.md").write_text(model_card(name, values, root), encoding="utf-8")


def model_card(name: str, values: Values, root: Path = Path()) -> str:
    """The card of a system, in Markdown.

    Args:
        root: folder with `metrics` and `plots`.

    Raises:
        SerError: if results are missing.
    """
    results = Results(name, Files(root=root))
    system = load_system_settings(values, name)
    mark = [] if results.metrics.mark == NO_MARK else [f"**{results.metrics.mark}**"]
    helpers = ", ".join(system.helpers)
    speakers = results.table("speakers")["uar"]
    parts = [
        f"# Model card: `{name}`",
        *mark,
        _what(results, values, [find_corpus(corpus).title for corpus in system.corpora]),
        "## Use",
        _USE,
        "## Scores",
        _scores(results),
        "By group:",
        _groups(results),
        f"Between speakers UAR lies from {number(speakers.min(), 'en')} to "
        f"{number(speakers.max(), 'en')} %. Whoever uses it meets one speaker at a time, and "
        "should expect that spread rather than the mean.",
        f"![Confusion](../../plots/confusion/{name}.png)",
        "## What needs no network",
        _baselines(results),
        "## Data",
        *(_data_card(corpus, root) for corpus in system.corpora),
        *([f"Clips of {helpers} train too, and are not tested."] if helpers else []),
        "## Make it again",
        f"```sh\ndvc repro evaluate@{name}\n```",
        "Written by `ser readme` from `metrics/` and `plots/`.",
        "",
    ]
    return "\n\n".join(parts)


def _what(results: Results, values: Values, titles: list[str]) -> str:
    chosen = [values.section(key, str) for key in ("model_size", "features.front_end", "optimizer")]
    size, front_end, optimizer = chosen
    return (
        f"Recognises {len(results.part('emotion'))} emotions in {', '.join(titles)}. Protocol "
        f"`{results.metrics.protocol}`. A network of size `{size}` on `{front_end}`, trained from "
        f"scratch by `{optimizer}`, and a linear classifier of functionals (weight "
        f"{values.section('linear', Linear).share:g}); {results.fact('parameters'):.0f} trained "
        f"numbers in all. Scores are means over {results.fact('n_seeds'):.0f} seeds."
    )


def _scores(results: Results) -> str:
    metrics = results.metrics
    lines = [
        ["UAR in % (95 % interval over speakers)", with_interval(results.overall, "uar", "en")],
        ["accuracy in %", number(metrics.accuracy, "en")],
        ["calibrated ECE in %", number(metrics.ece, "en")],
        ["chance in %", number(results.fact("chance"), "en")],
    ]
    return markdown_table(["score", "value"], lines)


def _groups(results: Results) -> str:
    genders, levels = results.part("gender"), results.part("intensity")
    lines = [
        [f"{say(str(name), 'en')}, UAR in %", number(uar, "en")]
        for name, uar in genders["uar"].items()
    ]
    lines += [
        [f"intensity {name}, UAR in %", number(uar, "en")] for name, uar in levels["uar"].items()
    ]
    lines += [
        [f"`{name}`, recall in %", number(recall, "en")]
        for name, recall in results.part("emotion")["accuracy"].items()
    ]
    return markdown_table(["group", "score"], lines)


def _baselines(results: Results) -> str:
    lines = [["this system", number(results.metrics.uar, "en")]]
    lines += [
        [say(str(name), "en"), number(uar, "en")] for name, uar in results.baselines["uar"].items()
    ]
    return markdown_table(["", "UAR in %"], lines)


def _data_card(name: str, root: Path) -> str:
    corpus = find_corpus(name)
    rows = _CARD.read(root / f"plots/studies/card/{name}.csv")
    clips = rows["n_clips"]
    speakers = rows.groupby("gender")["n_speakers"].max()
    warnings = sentences(read_shortcuts(root / table_path(name)))
    lines = [
        ["language", f"`{corpus.language}`"],
        ["clips", str(clips.sum())],
        *([f"speakers, {gender}", str(count)] for gender, count in speakers.items()),
        ["emotions", ", ".join(f"`{name}`" for name in dict.fromkeys(rows["emotion"]))],
        ["seconds of speech a clip", number((rows["speech_s"] * clips).sum() / clips.sum(), "en")],
        ["speech", "acted, in a studio, on given sentences"],
        ["shortcuts", " ".join(warnings) or "none that could be told from chance"],
        ["licence", corpus.licence],
        ["citation", corpus.citation],
        ["more", f"[the corpora](../corpora.md), `plots/studies/card/{name}.csv`"],
    ]
    return f"### {corpus.title}\n\n" + markdown_table(["", ""], lines, 2)
