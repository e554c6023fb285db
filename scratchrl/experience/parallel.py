"""Parallel: workers that read and write the same arrays without waiting for each other, and report as they go.

    work(memory, *arguments)    a generator; `memory` is a tree of arrays, whose changes every other worker sees.
                                What it yields is its report

`alone` runs one such generator here, `together` several, each in a process of its own on one block of shared memory.
No lock is held anywhere. A number is stored whole, but an array may be read half before and half after somebody's
change, and of two workers that add to one number at the same time one may come to nothing.

Processes are spawned, so that they inherit nothing but their arguments: what is handed to them must be picklable, and
a script that uses them needs `if __name__ == "__main__":`. Each has one thread, for Numba as for the matrix library.
Ctrl-C and SIGTERM do not reach them, whoever started them decides; they end when he does, however he ends. The block
has no name any more once all have found it, so that nothing is left behind even by `kill -9` of all of them.
"""

import multiprocessing
import os
import pickle
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.shared_memory import SharedMemory
from typing import Any, NamedTuple

import numpy as np

from scratchrl.experience import trees

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS")
SIGNALS = (signal.SIGINT, signal.SIGTERM)

Work = Callable[..., Iterator[Any]]


# ---- one worker, or several ----


def alone(work: Work, memory: Any, arguments: tuple) -> Iterator[tuple[Any, Any]]:
    """(memory, report) after every report of one worker in this process; the memory as a copy.

    Args:
      work: called once, with arrays like those of `memory`, which are its own, and `arguments`.

    Checked in tests/experience/test_parallel.py.
    """
    own = trees.mapped(np.copy, memory)
    for report in work(own, *arguments):
        yield trees.mapped(np.copy, own), report


def together(work: Work, memory: Any, arguments: list[tuple]) -> Iterator[tuple[Any, Any]]:
    """(memory, report) after every report of any of several workers; the memory as a copy, made while they go on.

    Args:
      work: a function that can be imported by its name; worker i calls it with `arguments[i]`.
      memory: a tree of arrays, as it is in the beginning.
    Raises:
      what a worker raised, with a note that says which one and where in it.
      ChildProcessError: a worker was killed or ended before its work was done.

    Checked in tests/experience/test_parallel.py: whatever happens, no process and no block of memory is left behind.
    """
    with ExitStack() as stack:
        block = SharedMemory(create=True, size=trees.size(memory))
        stack.callback(block.close)
        stack.callback(_unlink, block)
        trees.write(trees.laid_out(memory, block.buf), memory)
        crew = [stack.enter_context(_worker(i, work, block.name, memory, own)) for i, own in enumerate(arguments)]
        for worker in crew:
            _receive(worker)  # it has found the block
        _unlink(block)
        for report in _reports(crew):
            yield trees.laid_out(memory, bytearray(block.buf or b"")), report


def _unlink(block: SharedMemory) -> None:
    with suppress(FileNotFoundError):
        block.unlink()


# ---- on this side ----


class Worker(NamedTuple):
    """A process, and where its messages arrive."""

    process: BaseProcess
    messages: Connection


@contextmanager
def _worker(index: int, *task: Any) -> Iterator[Worker]:
    """A process for one worker, which does not outlive the block."""
    context = multiprocessing.get_context("spawn")
    messages, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(theirs, index, *task), name=f"worker {index}", daemon=True)
    with messages:
        with theirs, _deaf(), _one_thread():
            process.start()
        try:
            yield Worker(process, messages)
        finally:
            process.kill()
            process.join()


@contextmanager
def _deaf() -> Iterator[None]:
    """Processes started inside do not hear SIGNALS; here they are heard when the block ends."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Processes started inside find one thread prescribed to every library."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def _reports(crew: list[Worker]) -> Iterator[Any]:
    """What arrives, until all have finished."""
    working: dict[object, Worker] = {worker.messages: worker for worker in crew}
    while working:
        for ready in wait([worker.messages for worker in working.values()]):
            kind, report = _receive(working[ready])
            if kind == "finished":
                del working[ready]
            else:
                yield report


def _receive(worker: Worker) -> tuple[str, Any]:
    try:
        kind, content = worker.messages.recv()
    except EOFError:
        worker.process.join()
        raise ChildProcessError(f"{worker.process.name} {_end(worker.process)}, before its work was done") from None
    if kind == "failed":
        raise content
    return kind, content


def _end(process: BaseProcess) -> str:
    code = process.exitcode or 0
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


# ---- on theirs ----


def _serve(messages: Connection, index: int, work: Work, name: str, memory: Any, arguments: tuple) -> None:
    """The life of a worker."""
    block = SharedMemory(name)
    with suppress(BrokenPipeError):  # nobody listens any more
        messages.send(("attached", None))
        messages.send(_last_word(messages, index, work(trees.laid_out(memory, block.buf), *arguments)))
    block.close()


def _last_word(messages: Connection, index: int, reports: Iterator[Any]) -> tuple[str, Any]:
    try:
        for report in reports:
            messages.send(("report", report))
    except BrokenPipeError:
        raise
    except Exception as error:
        error.add_note(f"raised in worker {index}:\n{''.join(traceback.format_exception(error))}")
        return "failed", _sendable(error)
    return "finished", None


def _sendable(error: Exception) -> Exception:
    """The error without its frames; one that cannot travel as its text."""
    try:
        return pickle.loads(pickle.dumps(error))
    except Exception:
        told = RuntimeError(f"{type(error).__name__}: {error}")
        told.add_note(error.__notes__[-1])
        return told
