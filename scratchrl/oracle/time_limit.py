"""An end to calls that do not end."""

import signal
import threading
from contextlib import contextmanager
from typing import Any


class TooLong(BaseException):
    """No answer in time. Not an Exception: a subject that catches those should not swallow it."""


@contextmanager
def time_limit(seconds: float):
    """TooLong inside after that long. Only the main thread can be interrupted; elsewhere there is no limit."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def stop(*_: Any) -> None:
        raise TooLong(f"no answer within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
