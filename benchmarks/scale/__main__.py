"""The command line: `python -m benchmarks.scale`."""

from benchmarks.scale.command import main
from ser.core.entry import run

if __name__ == "__main__":
    run(main)
