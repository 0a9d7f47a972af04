"""Put a corpus on one page: its clips, lengths, levels and silence, and how it looks.

In: data/corpora/<corpus>, data/functionals/<corpus>. Params: features.
Out: plots/cards/<corpus>.csv, <corpus>.png, <corpus>_sounds.png.
"""

from pathlib import Path

from ser.clips import MANIFEST, read_manifest
from ser.corpora import find_corpus
from ser.entry import run
from ser.files import write_csv
from ser.functional_store import read_functionals
from ser.params import load_params
from ser.studies.card import card_table, choose_examples, describe_clips, load_sounds
from ser.studies.plots_card import draw_card, draw_sounds


def main(corpus: str) -> None:
    """Draw the card of CORPUS."""
    params, title = load_params(), find_corpus(corpus).title
    built, out = Path("data/corpora") / corpus, Path("plots/cards")
    functionals = read_functionals(Path("data/functionals") / corpus)
    clips = describe_clips(read_manifest(built / MANIFEST), functionals)
    examples = choose_examples(clips)
    write_csv(out / f"{corpus}.csv", card_table(clips), decimals=2)
    draw_card(clips, title, out / f"{corpus}.png")
    draw_sounds(
        load_sounds(examples, built),
        params.features,
        title,
        examples["speaker"].iloc[0],
        out / f"{corpus}_sounds.png",
    )


if __name__ == "__main__":
    run(main)
