"""One thread a process: work is spread over cores by running several folds or clips at once.

Two processes of one thread use two cores better than one process of two threads on models and
clips this small (a matrix product of one clip took eight times as long when BLAS split it), and
one thread always adds up in the same order, so results are the same to the last bit.
"""

from threadpoolctl import threadpool_limits


def use_one_thread() -> None:
    """Limit BLAS and OpenMP to one thread for the life of this process."""
    threadpool_limits(limits=1)
