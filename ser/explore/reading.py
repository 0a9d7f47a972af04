"""From a sound at standard input to canonical samples: a process for what is not trusted.

It may neither write files nor use much memory or time.
"""

import resource
import sys

import numpy as np

from ser.clips.audio import SAMPLE_RATE_HZ
from ser.core.errors import SerError
from ser.core.watch import end_with_parent
from ser.predict.sounds import blocks_of_file

# exit statuses
REFUSED, TOO_LONG = 3, 4
# what the page shows of a recording, at most
LONGEST_S = 300
_CPU_S, _ADDRESS_SPACE = 20, 4 * 2**30


def main() -> None:
    """Samples to standard output, or a sentence to standard error."""
    end_with_parent()
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    found, length = [], 0
    try:
        for block in blocks_of_file(sys.stdin.buffer, "The file"):
            found.append(block)
            length += len(block)
            if length > LONGEST_S * SAMPLE_RATE_HZ:
                sys.exit(TOO_LONG)
    except (SerError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        sys.exit(REFUSED)
    except MemoryError:
        print("The file would need more memory than a sound does.", file=sys.stderr)
        sys.exit(REFUSED)
    sys.stdout.buffer.write(np.concatenate(found).astype("<i2").tobytes())


if __name__ == "__main__":
    main()
