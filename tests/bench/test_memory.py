"""A batch of 200,000 rows goes through every update within a bound that its activations alone would break."""

import gc
import tracemalloc

import numpy as np
import pytest

from scratchrl.bench import fresh, memory
from scratchrl.maths import chunks

ROWS = 200_000
BOUND = 1024**3 * ROWS / 1_000_000  # bytes: 1 GiB for a million
UPDATES = [
    ("TRPO", {"cg_iterations": 2}), ("PPO", {}), ("PPO", {"minibatch": ROWS}), ("VPG", {}), ("A2C", {}),
    ("REINFORCE", {}),
]  # fmt: skip


def peak(name, settings, batch):
    """Bytes that NumPy and Python hold at most while the update is made, above what they held before."""
    update = memory.prepared(name, **settings)
    gc.collect()
    tracemalloc.start()
    try:
        update(batch)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def batch():
    return memory.data(ROWS)


@pytest.mark.parametrize(("name", "settings"), UPDATES)
def test_an_update_holds_at_most_a_gibibyte_for_a_million_rows(name, settings, batch):
    assert peak(name, settings, batch) < BOUND


@pytest.mark.parametrize(("name", "settings"), [case for case in UPDATES if case != ("PPO", {})])
def test_the_same_rows_in_one_chunk_hold_more(name, settings, batch, monkeypatch):
    for function in (chunks.mean, chunks.total, chunks.each):
        monkeypatch.setattr(function, "__defaults__", (ROWS,))
    assert peak(name, settings, batch) > 1.25 * BOUND


def test_the_batch_is_of_whole_columns_and_the_update_learns_from_it():
    batch = memory.data(3 * memory.STEPS)
    assert batch.obs.shape == (memory.STEPS, 3, 17)
    assert batch.obs.dtype == batch.action.dtype == batch.reward.dtype == np.float32
    for name in memory.UPDATES:
        update = memory.prepared(name)
        state, info = update(batch)
        assert not np.array_equal(state.theta, update.state.theta)
        assert name == "REINFORCE" or not np.array_equal(state.phi, update.state.phi)
        assert np.isfinite(info["losses/policy_loss" if name == "REINFORCE" else "losses/value_loss"])


@pytest.mark.skipif(not fresh.MEMORY.exists(), reason="reads what Linux writes")
def test_memory_of_a_process_is_its_own():
    """A child of a large process is small: 10 MB and more are the interpreter, the array here is 200."""
    large = np.ones(25_000_000)
    code = "from scratchrl.bench import fresh; print(fresh.megabytes('VmHWM'), fresh.megabytes('VmRSS'))"
    held = [float(number) for number in fresh.output("-c", code).split()]
    assert all(5 < number < 100 < fresh.megabytes("VmRSS") for number in held)
    assert large[0] == 1
