"""Ctrl-C and SIGTERM as a question asked between two updates, and nowhere else."""

import signal
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interruption():
    """Yields `interrupted()`: False until Ctrl-C or SIGTERM arrives. A second one raises KeyboardInterrupt at once."""
    received: list[int] = []

    def remember(number, frame):
        if received:
            raise KeyboardInterrupt
        received.append(number)

    previous = {number: signal.signal(number, remember) for number in SIGNALS}
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def ignored():
    """Processes started inside inherit deafness to Ctrl-C, which a terminal sends to a whole family of processes:
    the workers of an asynchronous vector environment live on until the parent has saved."""
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
