"""Review of an experiment: what changed between two revisions, is it real, can it be trusted."""
