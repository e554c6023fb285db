"""C51: the Bellman update of a distribution on atoms, moved back onto them."""

from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchrl.bench import jax_peer
from scratchrl.bench.work import Run, Work
from scratchrl.maths import categorical, distributional

ATOMS, LOW, HIGH, GAMMA = 51, -10.0, 10.0, 0.99
Rows = tuple[NDArray, NDArray, NDArray, NDArray]


@lru_cache(maxsize=4)
def data(rows: int) -> Rows:
    """probs (B, K), reward, terminated, truncated."""
    rng = np.random.default_rng(0)
    probs = categorical.softmax(rng.standard_normal((rows, ATOMS), dtype=np.float32))
    reward = rng.standard_normal(rows, dtype=np.float32)
    return probs, reward, rng.random(rows) < 0.1, np.zeros(rows, bool)


def ours(rows: int) -> Run:
    """`distributional.c51_projection`."""
    arrays = data(rows)
    return lambda: distributional.c51_projection(*arrays, GAMMA, LOW, HIGH)


def torch_scatter(rows: int) -> Run:
    """The usual way: lower and upper neighbour, index_add_ into a flat array."""
    import torch

    probs, reward, terminated, _ = (torch.from_numpy(array) for array in data(rows))
    atoms, width = torch.linspace(LOW, HIGH, ATOMS), (HIGH - LOW) / (ATOMS - 1)
    offset = (torch.arange(rows) * ATOMS)[:, None]

    def run() -> Any:
        moved = reward[:, None] + GAMMA * (~terminated)[:, None] * atoms
        b = ((moved.clamp(LOW, HIGH) - LOW) / width).clamp(0, ATOMS - 1)
        lower = b.floor().clamp(max=ATOMS - 2)
        share, index = b - lower, lower.long() + offset
        out = torch.zeros(rows * ATOMS)
        out.index_add_(0, index.view(-1), (probs * (1 - share)).view(-1))
        out.index_add_(0, index.view(-1) + 1, (probs * share).view(-1))
        return out.view(rows, ATOMS)

    return run


def rlax(rows: int) -> Run:
    """rlax.categorical_l2_project, jitted, mapped over rows."""
    jax = jax_peer.library()
    import rlax

    jnp = jax.numpy
    arrays = data(rows)[:3]
    atoms = jnp.linspace(LOW, HIGH, ATOMS)

    def project(probs: Any, reward: Any, terminated: Any) -> Any:
        return rlax.categorical_l2_project(reward + GAMMA * (1 - terminated) * atoms, probs, atoms)

    return jax_peer.waiting(jax.jit(jax.vmap(project)), *jax.device_put(arrays))


def work(rows: int) -> Work:
    """A row for so many distributions."""
    makers = {"ours": partial(ours, rows), "torch": partial(torch_scatter, rows), "rlax": partial(rlax, rows)}
    return Work(f"C51 projection, {ATOMS} atoms, B = {rows}", "distributional", makers, {}, tolerance=1e-4)


WORKS = work(32), work(256)
