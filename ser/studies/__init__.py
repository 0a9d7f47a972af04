"""Studies: what the field asks, answered with the same models, folds and guards."""
