"""The stages of the pipeline, one script each, in the order of the graph in dvc.yaml."""
