"""Files as they were at a revision: the one module that talks to DVC."""

from pathlib import Path

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
    from dvc.exceptions import DvcException, FileMissingError, NotDvcRepoError, PathMissingError
    from dvc.scm import RevError, SCMError

    try:
        return str(dvc.api.read(path.as_posix(), repo=str(Path.cwd()), rev=revision))
    except RevError:
        raise SerError(
            f"There is no revision {revision!r}; name a commit, branch, tag or experiment (those "
            "that `dvc exp show` lists)."
        ) from None
    except (FileMissingError, PathMissingError):
        raise SerError(f"There is no {path} at revision {revision!r}.") from None
    except (NotDvcRepoError, SCMError):
        raise SerError(
            "Revisions can only be read in the root of a repository with DVC; change to it."
        ) from None
    except DvcException as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise SerError(f"{path} cannot be read at revision {revision!r}: {reason}.") from None
