"""Training: the clips of a fold, batches, optimizers, and the loop over epochs."""
