"""Draw every study from its tables, and sounds from corpora: nothing is trained for a picture.

In: plots/studies/<study>, data/corpora. Params: augmentation, corpora, studies, systems.
Out: plots/studies/figures/<study>/<subject><ending>.png.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from ser.clips.audio import INT16_SCALE, Float32, Int16, read_canonical
from ser.clips.manifest import clip_path
from ser.core.entry import run
from ser.core.files import whole_folder
from ser.core.settings import Values, load_values
from ser.features.augmentation import enabled_effects, make_copy
from ser.reports.figures.base import save_figure
from ser.reports.figures.studies import DRAWINGS, sounds
from studies.copies import EFFECTS, with_effects
from studies.study import DATA, TABLES, read_table

# what the subjects of these studies are; all others name theirs under `studies`
_SUBJECTS = {"actors": "systems", "card": "corpora", "mistakes": "systems", "places": "systems"}


def main() -> None:
    """Draw all figures."""
    values = load_values()
    with whole_folder(TABLES / "figures") as folder:
        for path, figure in (*draw_studies(values), *draw_sounds(values)):
            (folder / path).parent.mkdir(exist_ok=True)
            save_figure(figure, folder / path)


def draw_studies(values: Values) -> Iterator[tuple[Path, Figure]]:
    """Every figure of tables, and where it belongs."""
    for drawing in DRAWINGS:
        for subject in _subjects(values, drawing.study):
            tables = [read_table(drawing.study, subject, ending) for ending in drawing.endings]
            path = Path(drawing.study) / f"{subject}{drawing.endings[0]}.png"
            yield path, drawing.make(subject, *tables)


def _subjects(values: Values, study: str) -> list[str]:
    key = _SUBJECTS.get(study, f"studies.{study}")
    names: list[str] = list(values.section(key, list | dict))
    return names


def draw_sounds(values: Values) -> Iterator[tuple[Path, Figure]]:
    """One clip of each emotion of every corpus; one clip, and its copy by every effect."""
    effects = enabled_effects(with_effects(values, EFFECTS))
    for corpus in _subjects(values, "card"):
        examples = read_table("card", corpus, "_examples")
        clips = {row.emotion: _read(corpus, row.clip) for row in examples.itertuples()}
        title = f"{corpus}: one clip of each emotion, speaker {examples['speaker'].iloc[0]}"
        shown = {name: _as_float(clip) for name, clip in clips.items()}
        yield Path("card") / f"{corpus}_sounds.png", sounds(title, shown)
    for corpus in _subjects(values, "augmentations"):
        clip = read_table("card", corpus, "_examples")["clip"].iloc[-1]
        samples = _read(corpus, clip)
        copies = {name: make_copy(samples, clip, name, make) for name, make in effects.items()}
        shown = {name: _as_float(copy) for name, copy in {"before": samples, **copies}.items()}
        title = f"{clip}, and a copy of it by every effect"
        yield Path("augmentations") / f"{corpus}_sounds.png", sounds(title, shown)


def _read(corpus: str, clip: str) -> Int16:
    return read_canonical(clip_path(DATA / "corpora" / corpus, clip))


def _as_float(samples: Int16) -> Float32:
    return samples.astype(np.float32) / np.float32(INT16_SCALE)


if __name__ == "__main__":
    run(main)
