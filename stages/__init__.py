"""The stages of the pipeline, one script each, in the order of the graph in dvc.yaml."""

from ser.core.watch import begin_stage

begin_stage()
