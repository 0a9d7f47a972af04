"""Measurements of the instruments, and timings side by side: `python -m benchmarks.<name>`."""
