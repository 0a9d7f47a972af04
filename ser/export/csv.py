"""Plain CSV: `metadata.csv` for a Hugging Face dataset, and a file for each part of each fold.

Those have the column `file` and the names that nkululeko's recipes have: `fold_0_train.csv`,
`fold_0_dev.csv`, `fold_0_test.csv` in a folder for each protocol.
"""

from pathlib import Path

import pandas as pd

from ser.core.files import write_csv
from ser.export.folder import new_folder
from ser.export.table import Handed


def export_csv(handed: Handed, out: Path, audio: bool = False) -> None:
    """Write the folder `out`.

    `metadata.csv` has a row a clip: `file_name`, what the corpus says of it, and for each protocol
    the fold in which it is tested. Every part of every fold has the columns `file`, `speaker`,
    `gender`, `emotion`, ... and no other rows than its own.

    Raises:
        SerError: as for `folder.new_folder`.
    """
    plain = handed.clips.drop(columns="clip")
    whole = pd.concat([plain.rename(columns={"file": "file_name"}), handed.tested_in()], axis=1)
    with new_folder(out, handed, audio) as aside:
        write_csv(aside / "metadata.csv", whole)
        for protocol, fold, part, clips in handed.parts():
            write_csv(aside / protocol / f"fold_{fold}_{part}.csv", clips.drop(columns="clip"))
