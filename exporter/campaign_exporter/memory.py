"""The memory of the process, as far as the C library is to be told how to keep it."""

import ctypes
from contextlib import suppress

# From glibc's malloc.h.
_M_ARENA_MAX = -8


def share_one_heap() -> None:
    """Let all threads take memory from one heap; call it before there are any. Only glibc knows of more.

    It would give each thread a heap of its own, and what is free in one is of no use to another: with ten instances that was
    a third of the process. Threads do not get into each other's way, as only one runs Python at a time.
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
