"""The card of the released model, as a text: what it is, whom its licences bind, what it scored."""

from pathlib import Path

from ser.core.files import whole_file
from ser.corpora import find_corpus
from ser.predict.released import RELEASED, load_released

CARD = Path("docs/models/release.md")


def write_release_card(root: Path = Path()) -> None:
    """Write the card of the released model into `docs/models/`.

    Raises:
        SerError: if the model is missing or damaged.
    """
    with whole_file(root / CARD) as aside:
        aside.write_text(release_card(root / "ser" / RELEASED.name), encoding="utf-8")


def release_card(path: Path) -> str:
    """The card, in Markdown.

    Raises:
        SerError: if the model is missing or damaged.
    """
    released = load_released(path)
    card, voice = released.card, released.voice
    made, chosen, score = card.made_from, card.chosen, card.score
    corpora = [find_corpus(name) for name in made["corpora"]]
    licences = [f"- {each.title}: {each.licence}. {each.citation}." for each in corpora]
    hashes = [
        f"| {name} | `{made[name]}` |"
        for name in ("code", "features", "folds", "functionals", "recipe", "torch")
        if name in made
    ]
    size_mb = path.stat().st_size / 1e6
    parts = [
        "# Model card: the released model",
        f"`ser predict` and `ser.load()` answer by it. It lies in the package "
        f"(`ser/released.safetensors`, {size_mb:.2f} MB) and was trained by the recipe of the "
        f"system `{card.name}` (a row of `studies.protocols`) on all {made['clips']} clips of "
        f"{made['speakers']} speakers, nobody held out. It tells {len(voice.emotions)} emotions "
        f"apart: {', '.join(f'`{name}`' for name in voice.emotions)}.",
        "## No score was measured on it",
        "Nobody is left to test it. The same recipe, with speakers held out, scored "
        f"{score['uar']:.1f} ({score['uar_low']:.1f}-{score['uar_high']:.1f}) % UAR (95 % interval "
        "over speakers) out of fold, on acted speech in studios; on a voice, a language, a room or "
        "a microphone of another kind expect "
        "less ([measured](../own_voice.md)). Not for judging people.",
        "## How sure it is",
        f"Its temperature ({card.temperature:.2f}) and thresholds were chosen on "
        f"{chosen['validation_answers']} answers to {chosen['validation_speakers']} validation "
        f"speakers, by models of that system that never heard them. Of the answers that are surer "
        f"than {100 * card.thresholds.unsure:.0f} % (they were {100 * chosen['sure']:.0f} % of "
        f"all), {100 * chosen['accuracy_of_the_sure']:.0f} % were right; the others are called "
        f"`unsure`. A clip is called `unlike training` further out than all but "
        f"{100 * chosen['held_out_called_unlike']:.0f} % of validation clips.",
        "## Licences",
        "The code is under the MIT licence. The weights were made from these recordings, whose "
        "licences bind what is made from them; those of RAVDESS and EMOVO do not allow commercial "
        "use:",
        "\n".join(licences),
        "## Made from",
        "It cannot know its own commit; git does. These hashes say what decided its bytes:",
        "\n".join(["| what | SHA-256, or version |", "| --- | --- |", *hashes]),
        f"Arithmetic: {voice.model.network.arithmetic}. Make it again: "
        "`dvc repro studies/dvc.yaml:release`.",
        "Written by `ser readme` from the model itself.",
        "",
    ]
    return "\n\n".join(parts)
