"""Run the graph on synthetic voices, in a copy of the project: tracked results stay as they are.

The copy lies in .demo/: what the graphs need as it stands now, the parameters changed by
demo/params.yaml, and a DVC repository without git.
"""

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from ser.core.entry import run
from ser.plan import repro

ROOT = Path(__file__).resolve().parent.parent
CHANGES = ROOT / "demo" / "params.yaml"
# files and folders that the graphs and what people do with their results need
_COPIED = (
    ".dvc/.gitignore",
    ".dvc/config",
    ".dvc/plots",
    ".dvc/plots_page.html",
    ".dvcignore",
    ".gitignore",
    "README.es.md",
    "README.md",
    "demo",
    "docs",
    "dvc.yaml",
    "ser",
    "stages",
    "studies",
)
# what is made by running
_MADE = shutil.ignore_patterns("dvc.lock", "__pycache__", ".*.partial")
# tables of names, which the changes replace; all others are changed value by value
_REPLACED = ("corpora", "systems", "protocols", "cross_lingual")


def changed(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`values` with `changes`, table by table."""
    result = dict(values)
    for key, change in changes.items():
        merge = isinstance(change, dict) and key not in _REPLACED
        result[key] = changed(result[key], change) if merge else change
    return result


def copy_project(target: Path) -> None:
    """Copy the project without its results; folders become as they are here."""
    for name in _COPIED:
        source, copy = ROOT / name, target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(source, copy, ignore=_MADE)
        elif source.is_file():  # the page for `dvc plots` is there where `make setup` has been run
            shutil.copy2(source, copy)


def set_up(target: Path, changes: Path) -> None:
    """Make the demo's copy, keeping what an earlier demo computed so that DVC can skip it."""
    copy_project(target)
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    wanted = yaml.safe_load(changes.read_text(encoding="utf-8"))
    text = yaml.safe_dump(changed(values, wanted), sort_keys=False)
    (target / "params.yaml").write_text(text, encoding="utf-8")
    # its own place for locks and run cache, so that it never meets the real pipeline's
    (target / ".dvc/config.local").write_text(
        f"[core]\n    no_scm = true\n    site_cache_dir = {target.resolve() / '.dvc/tmp/site'}\n",
        encoding="utf-8",
    )


def main(
    target: Annotated[Path, typer.Option(help="Folder of the demo's own copy.")] = ROOT / ".demo",
    changes: Annotated[Path, typer.Option(help="What to change in params.yaml.")] = CHANGES,
    force: Annotated[bool, typer.Option(help="Run every stage, even if nothing changed.")] = False,
) -> None:
    """Run the pipeline on synthetic voices."""
    set_up(target, changes)
    os.chdir(target)
    if status := repro([], force):
        sys.exit(status)
    print(f"\nSynthetic voices only, so the scores say nothing about people. See {target}/plots.")


if __name__ == "__main__":
    run(main)
