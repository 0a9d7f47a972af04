"""Timings side by side, each in one run: `python -m benchmarks.<name>`."""
