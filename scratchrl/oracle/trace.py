"""A recorded update of another library, recomputed stage by stage: the first stage that differs is named.

Every stage is given what the recording says its inputs were, so an error is charged to the stage that made it and does
not show again further down. A convention that a stage turns out to follow (a standard deviation with n − 1, a value
loss without its ½) is reported as such, and later stages are computed under it.

The format is scratchrl/oracle/traces/names.py; examples/recorders/ write it for Stable-Baselines3 and sb3-contrib.
"""

from collections.abc import Iterator, Mapping
from os import PathLike
from typing import Any

from scratchrl.oracle.traces import (
    clipping,
    directions,
    gradients,
    line_search,
    minibatch,
    rollout,
    steps,
    trust_region,
)
from scratchrl.oracle.traces.judging import ABSENT, Judged
from scratchrl.oracle.traces.recording import Recording, read
from scratchrl.oracle.traces.report import Replay, Row
from scratchrl.oracle.traces.stage import Found, Stage


def replay(recording: Mapping[str, Any] | str | PathLike[str]) -> Replay:
    """Every stage of a recorded update whose inputs and output were recorded, recomputed and judged.

    Args:
      recording: a dict of arrays, or the path of an .npz file of them; names and shapes in traces/names.py.
    Returns:
      Replay: rows in the order of data flow, `first_difference`, a page as str(), `to_json()`.
    Raises:
      ValueError: the recording is not in the format; the message names the array.

    Checked in tests/oracle/test_trace.py, with real recordings in tests/oracle/test_real_recordings.py.

    >>> import numpy as np
    >>> no = np.zeros(2, bool)
    >>> told = dict(reward=np.ones(2), value=np.zeros(2), next_value=np.zeros(2), terminated=no, truncated=no)
    >>> told |= dict(gamma=0.5, lam=1.0, advantage=np.array([1.5, 1.0]))
    >>> replay(told).first_difference is None
    True
    >>> replay(told | dict(advantage=np.array([2.0, 1.0]))).first_difference.stage
    'advantage'
    """
    known = read(recording)
    found: Found = {}
    source = "a dict of arrays" if isinstance(recording, Mapping) else str(recording)
    return Replay(source, known.bits, tuple(_row(stage, known, found) for stage in stages(known)))


def stages(recording: Recording) -> Iterator[Stage]:
    """All of them, in the order in which data flows through an update."""
    yield from rollout.STAGES
    yield from minibatch.STAGES
    if recording.has("delta"):
        yield from trust_region.BEFORE
    yield from gradients.stages(recording)
    if recording.has("delta"):
        yield from (*trust_region.AFTER, *directions.STAGES, *trust_region.LAST, *line_search.STAGES)
    yield from clipping.stages(recording)
    yield from steps.stages(recording)


def _row(stage: Stage, recording: Recording, found: Found) -> Row:
    lacking = stage.lacks(recording)
    judged = Judged(ABSENT) if lacking else stage.examine(recording, found)
    return Row(stage.name, stage.formula, judged, stage.output or stage.name, lacking)
