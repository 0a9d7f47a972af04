import pytest

from tests.graph.project import make_project


@pytest.fixture(scope="session")
def base_project(tmp_path_factory):
    """The smallest project with its whole graph run; tests work on copies of it."""
    return make_project(tmp_path_factory.mktemp("base") / "project")
