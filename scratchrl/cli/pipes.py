"""A reader that has gone, as `head` does once it has its lines: no error, and nobody to tell anything."""

import os
import select
import sys
from contextlib import suppress

GONE = 141  # exit code, as a shell says it of a program that SIGPIPE has ended: 128 + 13


def unread(error):
    """Whether `error` says that nobody reads standard output or standard error any more. Pipes to workers break too."""
    return isinstance(error, BrokenPipeError) and any(map(_is_broken, (sys.stdout, sys.stderr)))


def hang_up():
    """What is still to be written goes nowhere, also at the interpreter's end; returns the exit code."""
    for stream in filter(_is_broken, (sys.stdout, sys.stderr)):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return GONE


def _is_broken(stream):
    with suppress(OSError):  # a stream that is no file
        watch = select.poll()
        watch.register(stream.fileno(), 0)
        return any(event & select.POLLERR for _, event in watch.poll(0))
    return False
