"""What is seen of a training run: a bar on a terminal, a line every ten seconds anywhere else, nothing if quiet."""

import sys
import time
from contextlib import contextmanager

SHOWN = {  # column of progress.csv -> its name in the bar
    "charts/episodic_return_100": "return",
    "losses/approx_kl": "KL",
    "losses/entropy": "entropy",
    "losses/explained_variance": "expl.var",
    "charts/SPS": "steps/s",
}
PERIOD = 10.0  # seconds between two lines


@contextmanager
def progress(total, start, quiet=False, stream=None):
    """Yields `report(step, row)`, to be called after each update with its row of progress.csv."""
    stream = sys.stderr if stream is None else stream
    if quiet:
        yield lambda step, row: None
    elif stream.isatty():
        from tqdm import tqdm

        with tqdm(total=total, initial=start, unit="step", dynamic_ncols=True, file=stream) as bar:
            yield lambda step, row: _move(bar, step, row)
    else:
        yield _liner(total, stream)


def summary(row):
    """The numbers worth watching, as text.

    >>> summary({"charts/episodic_return_100": 21.25, "losses/approx_kl": 0.0031, "losses/entropy": float("nan")})
    'return 21.2  KL 0.0031'
    """
    shown = [(name, row[column]) for column, name in SHOWN.items() if column in row]
    return "  ".join(f"{name} {value:.{5 if name == 'steps/s' else 3}g}" for name, value in shown if value == value)


def _move(bar, step, row):
    bar.set_postfix_str(summary(row), refresh=False)
    bar.update(step - bar.n)


def _liner(total, stream):
    last = time.monotonic()

    def report(step, row):
        nonlocal last
        now = time.monotonic()
        if now - last >= PERIOD:
            last = now
            print(f"{step}/{total}  {summary(row)}", file=stream, flush=True)

    return report
