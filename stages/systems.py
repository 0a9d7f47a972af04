"""Check the folds of every system for leaks, before anything is trained; say what each is made of.

In: data/splits, data/features, data/functionals. Params: corpora, systems.
Out: data/systems.json: hashes of folds, features and functionals of every system, on each of which
only the stages of that system depend.
"""

from pathlib import Path

from ser.core.entry import run
from ser.core.files import write_json
from ser.core.settings import load_values
from ser.reading.fingerprint import fingerprint
from ser.reading.settings import load_systems


def main() -> None:
    """Check all systems."""
    systems = load_systems(load_values())
    found = {name: fingerprint(system, Path("data")) for name, system in systems.items()}
    write_json(Path("data/systems.json"), found)


if __name__ == "__main__":
    run(main)
