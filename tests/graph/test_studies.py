"""The second graph: it runs beside the root graph, which leaves it alone."""

from pathlib import Path

import pandas as pd
import pytest

from tests.graph.project import CORPUS, SYSTEM, changed, copy_project, dvc, lock

pytestmark = [
    pytest.mark.graph,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of what DVC uses
]

# some that train, and all kinds that read what the root graph has made
STAGES = [
    f"speaker_normalisation@{CORPUS}",
    f"card@{CORPUS}",
    *(f"{study}@{SYSTEM}" for study in ("actors", "mistakes", "places")),
]


def test_studies_run_on_their_own_graph(
    base_project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    project = copy_project(base_project, tmp_path_factory.mktemp("studies") / "project")
    before = lock(project)
    targets = [f"studies/dvc.yaml:{stage}" for stage in STAGES]
    said = dvc(project, "repro", *targets).stdout
    run = {line.split("'")[1] for line in said.splitlines() if line.startswith("Running stage")}
    assert run == {*targets, f"studies/dvc.yaml:reference@{CORPUS}"}
    for stage in STAGES:
        study, subject = stage.split("@")
        table = pd.read_csv(project / f"plots/studies/{study}/{subject}.csv")
        assert len(table) > 1, f"{stage} has found nothing"
    assert "Running stage" not in dvc(project, "repro", *targets).stdout, "they run again"
    assert lock(project) == before, "a study has changed the lock of the root graph"
    assert changed(project) == set(), "the root graph depends on a study"
