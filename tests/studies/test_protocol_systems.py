"""Systems under other protocols: the row of each is what the stages of a system would give."""

from pathlib import Path

import pandas as pd
import yaml

from ser.core.files import write_csv
from ser.evaluation.predictions import read_predictions
from ser.reports.revisions import Files
from ser.reports.systems import Results, systems_table
from stages import baselines, evaluate, train
from studies.protocols import study_protocol
from studies.study import table_path
from tests.builders import CORPUS
from tests.studies.builders import study_values, write_study

NAME, PROTOCOL = "another", "speaker_normalized"


def test_a_system_of_the_study_is_one_as_any_other() -> None:
    write_study(PROTOCOL)
    system = {"corpora": [CORPUS], "gender": "all", "protocol": PROTOCOL}
    values = study_values(
        **{"seeds": [0, 1], "studies.protocols": {NAME: system}, "systems": {NAME: system}}
    )
    Path("params.yaml").write_text(yaml.safe_dump(values.table), encoding="utf-8")
    for seed in (0, 1):
        train.main(NAME, seed)
    baselines.main(NAME)
    evaluate.main(NAME)
    tables = study_protocol(values, NAME)
    results = Results(NAME, Files())
    expected = systems_table([results])
    # read from files with few decimals
    pd.testing.assert_frame_equal(tables[""], expected, check_dtype=False, atol=0.01)
    assert tables[""]["mark"].tolist() == ["transductive"]
    path = table_path("protocols", NAME, "_predictions")
    write_csv(path, tables["_predictions"])
    pd.testing.assert_frame_equal(read_predictions(path), results.predictions)
