"""Files as they were at a revision: the one module that talks to DVC."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ser.core.errors import SerError
from ser.core.files import regular

# the files that lie here, committed or not
WORKSPACE = "workspace"
# a lock file has thousands of lines, and libyaml reads them much faster where it is built in
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@contextmanager
def _in_a_sentence(revision: str) -> Iterator[None]:
    """What DVC raises for a revision or repository that is not there, as one sentence."""
    from dvc.exceptions import NotDvcRepoError
    from dvc.scm import RevError, SCMError

    try:
        yield
    except RevError:
        raise SerError(
            f"There is no revision {revision!r}; name a commit, branch, tag or experiment (those "
            "that `dvc exp show` lists)."
        ) from None
    except (NotDvcRepoError, SCMError):
        raise SerError(
            "This copy has no .git, and so no revisions; clone the repository, or name files that "
            "lie here."
            if Path(".dvc").is_dir()
            else "Revisions can only be read in the root of a repository with DVC; change to it."
        ) from None


@dataclass(frozen=True)
class Files:
    """All that git or DVC tracks, as it was at a revision or as it lies in the workspace.

    Attributes:
        name: the revision as it was asked for, or `WORKSPACE`.
        commit: what it stands for; empty for the workspace.
        tree: a file system of the revision; None for the workspace.
        root: folder that paths of the workspace are relative to.
    """

    name: str = WORKSPACE
    commit: str = ""
    tree: Any = field(default=None, repr=False)
    root: Path = Path()

    def where(self, path: str) -> str:
        """What sentences call a file."""
        return path if self.tree is None else f"{path} at revision {self.name!r}"

    def read(self, path: str) -> bytes | None:
        """Content of a file, relative to the root; None if there is none.

        Raises:
            SerError: if something else is in its place, or it cannot be read.
        """
        try:
            if self.tree is None:
                return regular(self.root / path).read_bytes()
            with self.tree.open(path, "rb") as file:
                return bytes(file.read())
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None
        except OSError as error:
            reason = str(error.strerror).lower()
            raise SerError(f"{self.where(path)} cannot be read ({reason}); restore it.") from None

    def find_text(self, path: str) -> str | None:
        """The same as text.

        Raises:
            SerError: if it is no text in UTF-8.
        """
        content = self.read(path)
        try:
            return None if content is None else content.decode("utf-8")
        except UnicodeDecodeError:
            raise SerError(f"{self.where(path)} is no text in UTF-8; restore it.") from None

    def read_text(self, path: str) -> str:
        """The text of a file that must be there.

        Raises:
            SerError: if it is not, or is no text in UTF-8.
        """
        text = self.find_text(path)
        if text is None:
            raise SerError(f"There is no {self.where(path)}; run `dvc repro`, and commit.")
        return text

    def read_table(self, path: str) -> dict[str, Any]:
        """A table of YAML or JSON.

        Raises:
            SerError: if it is missing or is no table.
        """
        text = self.read_text(path)
        try:
            table = json.loads(text) if path.endswith(".json") else yaml.load(text, Loader=_LOADER)
        except (ValueError, yaml.YAMLError):
            table = None
        if not isinstance(table, dict):
            raise SerError(f"{self.where(path)} is no readable table of values; restore it.")
        return table

    def list(self, folder: str) -> list[str]:
        """Files in a folder and below, sorted, compiled Python left out."""
        if self.tree is None:
            found = [path for path in (self.root / folder).rglob("*") if path.is_file()]
            names = [path.relative_to(self.root).as_posix() for path in found]
        else:
            names = [name.lstrip("/") for name in self.tree.find(folder)]
        return sorted(name for name in names if "__pycache__" not in name)


def open_revision(name: str) -> Files:
    """The files of a revision (commit, branch, tag or DVC experiment), or of the workspace.

    Raises:
        SerError: if there is no such revision, or no repository here.
    """
    if name == WORKSPACE:
        return Files()
    # DVC takes a second to import, which no other command should wait for
    from dvc.api import DVCFileSystem

    with _in_a_sentence(name):
        tree = DVCFileSystem(str(Path.cwd()), rev=name)
        return Files(name, str(tree.repo.get_rev()), tree)


def list_revisions(folder: str, most: int = 30) -> list[tuple[str, str]]:
    """Revisions that somebody may want to see: branches, tags, experiments, and commits.

    Args:
        folder: commits are those that changed something in it.
        most: how many commits, at most.

    Returns:
        What each is called, and the date and first line of its commit; none where there is no git.
    """
    line = "%(objectname:short)%00%(creatordate:short) %(subject)"
    named = _git("for-each-ref", f"--format=%(refname)%00{line}", "refs/heads", "refs/tags")
    tried = _git("for-each-ref", f"--format=%(refname)%00{line}", "refs/exps")
    commits = _git("log", f"-n{most}", "--format=%h%x00%cs %s", "--", folder)
    # refs/exps/<2 digits>/<38 digits>/<name>; what DVC itself keeps there is shorter
    experiments = [row for row in tried if row[0].count("/") == 4]
    names = [(row[0].split("/", 2)[2], row[2]) for row in named]
    names += [(row[0].rpartition("/")[2], row[2]) for row in experiments]
    return [*names, *((row[0], row[1]) for row in commits)]


def _git(*arguments: str) -> list[list[str]]:
    """Lines of what git says, each in its parts; none where it says nothing."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, errors="replace")
    except OSError:
        return []
    return [line.split("\0") for line in done.stdout.splitlines()]


def read_at_revision(path: Path, revision: str) -> str:
    """Text of a file, relative to the root of the repository, as it was at a revision.

    Raises:
        SerError: if there is no such revision, no such file in it, or no repository here.
    """
    return open_revision(revision).read_text(path.as_posix())
