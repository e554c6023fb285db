"""Training from the command line: the one consumer of an algorithm's generator. It watches, writes and saves; it never
takes part: with or without tables, bars and checkpoints, training makes the same bits.
"""

import math
import time
from contextlib import nullcontext
from itertools import chain, islice
from pathlib import Path

import numpy as np

import scratchrl
from scratchrl import maths
from scratchrl.cli.errors import Refused, missing, refusing
from scratchrl.cli.options import record, settings_of
from scratchrl.cli.progress import progress
from scratchrl.cli.ranks import give_way, last_word, say
from scratchrl.cli.session import opened, restore, save, thread_limit
from scratchrl.cli.signals import interruption
from scratchrl.runs import checkpoint, log, settings

FILES = ("config.json", "progress.csv", "episodes.csv", "checkpoint.npz", "curve.png")
TABLES = ("progress.csv", "episodes.csv")
NOT_FINITE, INTERRUPTED = 1, 130  # exit codes


def run(name, module, options, config, ranks):
    """Trains and returns the exit code; all ranks must call it."""
    with thread_limit(options.threads), opened(name, module, options, config, ranks) as session:
        return _run(session, _begin(session))


# ---- the beginning: fresh, or where the run in the folder stopped ----


def _begin(session):
    folder = session.folder
    if session.ranks.rank == 0 and not session.options.resume and any((folder / file).exists() for file in FILES):
        raise Refused(f"{folder} already holds a run; add --resume to go on with it, or choose another --out")
    with refusing(ValueError):
        state = session.algorithm.init(session.config, session.world, session.rng)
    if session.options.resume:
        state = _resumed(session, state)
    elif not _repeats(session.world):
        say(session.ranks, f"note: {session.options.env} cannot be put back into mid-episode; a resumed run will "
            "differ from an uninterrupted one")  # fmt: skip
    return state


def _repeats(world):
    from scratchrl.experience import snapshot

    return snapshot.repeats(world)


def _resumed(session, state):
    """The state of the checkpoint, if there is one, and what stands in the way of the bits of an uninterrupted run."""
    if session.ranks.first((session.folder / "checkpoint.npz").exists()):
        state, note = restore(session, state)
        if note:
            say(session.ranks, f"note: {note}")
    if session.ranks.rank == 0:
        _follow_up(session, int(state.step))
    return state


def _follow_up(session, step):
    """The tables end at the checkpoint; a change of version is told."""
    with refusing(ValueError):
        for table in TABLES:
            log.cut_back(session.folder / table, step)
    begun, now = settings_of(session.folder)["scratchrl"], scratchrl.__version__
    if begun != now:
        say(session.ranks, f"note: begun with scratchrl {begun}, going on with {now}: bits may differ")


# ---- the loop ----


def _run(session, state):
    start, first, total = time.monotonic(), int(state.step), session.config.total_steps
    ranks, quiet = session.ranks, session.options.quiet or session.ranks.rank > 0
    try:
        with interruption() as interrupted, progress(total, first, quiet) as report:
            updates = _updates(session, state)
            with _tables(session) as write:
                publish = _publisher(session, write, report, start, first)
                state, stopped = _play(session, state, updates, publish, interrupted)
    except FloatingPointError as error:
        give_way(ranks)
        return last_word(ranks, f"training stopped: {error}; {_last_good(session)}", NOT_FINITE)
    if stopped and int(state.step) < total:
        say(ranks, f"interrupted at step {int(state.step)}, saved; go on with: "
            f"scratchrl train {session.name} --out {session.folder} --resume")  # fmt: skip
        return INTERRUPTED
    if ranks.rank == 0:
        print(_summary(session, int(state.step), int(state.step) - first, time.monotonic() - start))
    return 0


def _tables(session):
    return log.tables(session.folder) if session.ranks.rank == 0 else nullcontext(lambda row, returns, lengths: None)


def _updates(session, state):
    """The updates to come. The first is made here: if it fails, nothing is left behind."""
    if not any(Path(maths.__file__).with_name("__pycache__").glob("*.nbi")):
        say(session.ranks, "compiling, once; this takes some ten seconds")
    updates = session.algorithm.train(session.config, session.world, session.rng, state)
    first = list(islice(updates, 1))
    if session.ranks.rank == 0:
        session.folder.mkdir(parents=True, exist_ok=True)
        settings.write(session.folder / "config.json", record(session.name, session.options, session.config))
    return chain(first, updates)


def _play(session, state, updates, publish, interrupted):
    """(state, stopped): plays until the algorithm has had its steps or somebody interrupts any rank; all is saved then.

    The first update is saved at once: a state that cannot be saved should fail now and not in an hour.
    """
    saved, stopped, located = -math.inf, False, _located(updates, int(state.step))
    for state, info in located:
        _require_finite(state)
        publish(int(state.step), info)
        asked = session.ranks.gather((interrupted(), time.monotonic() - saved >= session.options.checkpoint_every))
        stopped, due = any(stop for stop, _ in asked), asked[0][1]
        if stopped:
            break
        if due:
            save(session, state)
            saved = time.monotonic()
    save(session, state)
    return state, stopped or interrupted()


def _located(updates, step):
    """The updates; what is not finite in one of them is reported with the step after which it happened."""
    try:
        for state, info in updates:
            yield state, info
            step = int(state.step)
    except FloatingPointError as error:
        raise FloatingPointError(f"after step {step}: {error}") from error


def _publisher(session, write, report, start, first):
    """publish(step, info): one update goes into the window, the tables and the bar; `start` and `first` are the time
    and the step at which this process began."""

    def publish(step, info):
        returns, lengths = info["episodes"]
        session.window.extend(float(value) for value in returns)
        row = _row(session.window, step, info, (step - first) / (time.monotonic() - start))
        write(row, returns, lengths)
        report(step, row)

    return publish


def _require_finite(state):
    """So that a checkpoint is always a good one."""
    for name, array in checkpoint.flatten(state).items():
        if array.dtype.kind in "fc" and not np.isfinite(array).all():
            raise FloatingPointError(f"step {int(state.step)}: {name} is not finite")


def _row(window, step, info, speed):
    returns, lengths = info["episodes"]
    head = {
        log.STEP: step,
        "charts/episodic_return": _mean(returns),
        "charts/episodic_return_100": _mean(window),
        "charts/episodic_length": _mean(lengths),
    }
    rest = {key: value for key, value in info.items() if key not in head and key != "episodes"}
    return head | rest | {"charts/SPS": speed}  # wall time last: the columns before it are the same in every rerun


def _mean(values):
    return float(sum(values)) / len(values) if len(values) else math.nan


# ---- the end ----


def _summary(session, step, played, seconds):
    drawn, why = _curve(session.folder)
    files = [file for file in FILES if file != "curve.png" or drawn]
    lines = [
        ("return", f"{_mean(session.window):.6g}, mean of the last {len(session.window)} episodes"),
        *_work(step, played, seconds),
        ("files", f"{session.folder}: {' '.join(files)}"),
    ]
    return "\n".join(f"{name:<9}{value}" for name, value in lines) + ("" if drawn else f"\nno curve: {why}")


def _work(step, played, seconds):
    if played == 0:
        return [("steps", f"{step}, finished before; to go on, --resume with a larger --total-steps")]
    return [("steps", f"{step}"), ("seconds", f"{seconds:.1f}"), ("steps/s", f"{played / seconds:.0f}")]


def _curve(folder):
    from scratchrl.runs import plot

    try:
        plot.draw([folder], folder / "curve.png")
    except ModuleNotFoundError as error:
        return False, missing(error.name) or error
    except ValueError as error:
        return False, error
    return True, ""


def _last_good(session):
    path = session.folder / "checkpoint.npz"
    if not path.exists():
        return f"see {path} of rank 0" if session.ranks.rank else "no checkpoint had been written yet"
    return f"last good checkpoint: {path}, step {checkpoint.load(path)[1]['step']}"
