"""The command line of the storm: `python -m benchmarks.storm all`."""

from benchmarks.storm.command import main
from ser.core.entry import run

if __name__ == "__main__":
    run(main)
