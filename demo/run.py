"""Run the whole graph on the synthetic corpus, in a copy of its own: tracked results stay as is.

The copy lies in .demo/: the tracked files as they stand now, the parameters changed by
demo/params.yaml, and a DVC repository without git.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import typer
import yaml

ROOT = Path(__file__).resolve().parent.parent
# what set-up makes and git ignores, but the copy needs: the page that `dvc plots` fills
SET_UP = (".dvc/plots_page.html",)
CHANGES = ROOT / "demo" / "params.yaml"
# Tables of names, which the demo replaces; all others are changed value by value.
_REPLACED = ("corpora", "systems", "cross_lingual")


def changed(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`values` with `changes`, table by table."""
    result = dict(values)
    for key, change in changes.items():
        merge = isinstance(change, dict) and key not in _REPLACED
        result[key] = changed(result[key], change) if merge else change
    return result


def copy_project(target: Path) -> None:
    """Copy the tracked files of the project, without its results, to `target`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in [*filter(None, listed.split("\0")), *SET_UP]:
        first = Path(name).parts[0]
        if first in ("metrics", "plots") or name == "dvc.lock" or not (ROOT / name).is_file():
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)


def set_up(target: Path, changes: Path) -> None:
    """Make the demo's copy, keeping what an earlier demo computed so that DVC can skip it."""
    for old in ("ser", "stages", "demo"):
        shutil.rmtree(target / old, ignore_errors=True)
    copy_project(target)
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    wanted = yaml.safe_load(changes.read_text(encoding="utf-8"))
    text = yaml.safe_dump(changed(values, wanted), sort_keys=False)
    (target / "params.yaml").write_text(text, encoding="utf-8")
    dvc(target, "config", "--local", "core.no_scm", "true")
    # its own place for locks and run cache, so that it never meets the real pipeline's
    dvc(target, "config", "--local", "core.site_cache_dir", str(target.resolve() / ".dvc/tmp/site"))


def dvc(folder: Path, *arguments: str) -> None:
    """Run DVC in `folder`; its failure is ours."""
    # stages call `python`: it must be the one that runs this
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    status = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments], cwd=folder, env={**os.environ, "PATH": path}
    ).returncode
    if status:
        sys.exit(status)


def main(
    target: Path = typer.Option(ROOT / ".demo", help="Folder of the demo's own copy."),
    changes: Path = typer.Option(CHANGES, help="What to change in params.yaml."),
    force: bool = typer.Option(False, help="Run every stage, even if nothing changed."),
) -> None:
    """Run the pipeline on the bundled synthetic corpus."""
    set_up(target, changes)
    dvc(target, "repro", *(["--force"] if force else []))
    print(
        f"Done: synthetic voices only, so the scores say nothing about people. See {target}/plots."
    )


if __name__ == "__main__":
    typer.run(main)
