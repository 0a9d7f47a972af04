"""Folds, and the guards that refuse leaks."""
