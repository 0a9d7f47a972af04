"""Files as they were at a revision: the one module that talks to DVC."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ser.errors import SerError


def read_at_revision(path: Path, revision: str) -> str:
    """Text of a file that git or DVC tracks, as it was at a revision.

    Args:
        path: relative to the root of the repository, which is the current folder.
        revision: commit, branch, tag or name of a DVC experiment.

    Raises:
        SerError: if there is no such revision, no such file in it, or no repository here.
    """
    # DVC takes a second to import, which no other command should wait for
    import dvc.api
    from dvc.exceptions import DvcException, FileMissingError, PathMissingError

    try:
        with _in_a_sentence(revision):
            return str(dvc.api.read(path.as_posix(), repo=str(Path.cwd()), rev=revision))
    except (FileMissingError, PathMissingError):
        raise SerError(f"There is no {path} at revision {revision!r}.") from None
    except DvcException as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise SerError(f"{path} cannot be read at revision {revision!r}: {reason}.") from None


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
            "Revisions can only be read in the root of a repository with DVC; change to it."
        ) from None


# the files that lie here, committed or not
WORKSPACE = "workspace"


@dataclass(frozen=True)
class Files:
    """All that git tracks, as it was at a revision or as it lies in the workspace.

    Attributes:
        name: the revision as it was asked for, or `WORKSPACE`.
        commit: what it stands for; empty for the workspace.
        tree: a file system of the revision; None for the workspace.
    """

    name: str
    commit: str
    tree: Any

    def read(self, path: str) -> bytes | None:
        """Content of a file, relative to the root; None if there is none."""
        try:
            if self.tree is None:
                return Path(path).read_bytes()
            with self.tree.open(path, "rb") as file:
                return bytes(file.read())
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None

    def read_text(self, path: str) -> str | None:
        """The same as text."""
        content = self.read(path)
        return None if content is None else content.decode("utf-8")

    def list(self, folder: str) -> list[str]:
        """Files in a folder and below, sorted, compiled Python left out."""
        if self.tree is None:
            found = [path.as_posix() for path in Path(folder).rglob("*") if path.is_file()]
        else:
            found = [name.lstrip("/") for name in self.tree.find(folder)]
        return sorted(name for name in found if "__pycache__" not in name)


def open_revision(name: str) -> Files:
    """The files of a revision (commit, branch, tag or DVC experiment), or of the workspace.

    Raises:
        SerError: if there is no such revision, or no repository here.
    """
    if name == WORKSPACE:
        return Files(name, "", None)
    from dvc.api import DVCFileSystem

    with _in_a_sentence(name):
        tree = DVCFileSystem(str(Path.cwd()), rev=name)
        commit = str(tree.repo.get_rev())
    return Files(name, commit, tree)
