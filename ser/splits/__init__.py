"""Protocols as data: who trains, validates and tests in each fold, and the guards against leaks."""
