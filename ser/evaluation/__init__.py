"""From trained models to out-of-fold predictions, scores and their intervals."""
