"""Studies: questions asked of the systems, one file each; their graph is studies/dvc.yaml."""

from ser.core.watch import begin_stage

begin_stage()
