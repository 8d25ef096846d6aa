"""All threads share one heap, so that what one leaves another takes."""

import ctypes
import subprocess
import sys

import pytest

_PROGRAM = """
import ctypes, sys, threading
from campaign_exporter.memory import share_one_heap
if "shared" in sys.argv:
    share_one_heap()
together = threading.Barrier(8)
def work():
    together.wait()
    kept = [bytes(5000) for _ in range(100)]
    together.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, file)
libc.fflush(file)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="the C library is not glibc")
def test_all_threads_share_one_heap() -> None:
    def heaps(*arguments: str) -> int:
        command = [sys.executable, "-c", _PROGRAM, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.count("<heap nr=")

    assert heaps() > 1
    assert heaps("shared") == 1
