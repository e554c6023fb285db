"""GAE: δ and its discounted sum backwards in time."""

from collections.abc import Callable
from functools import lru_cache, partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchrl.bench import jax_peer, machine
from scratchrl.bench.work import Run, Setup, Work
from scratchrl.maths import returns

GAMMA, LAM = 0.99, 0.95
Scan = tuple[NDArray, NDArray, NDArray, NDArray, NDArray]


@lru_cache(maxsize=1)
def data(steps: int, envs: int, dtype: Any) -> Scan:
    """reward, value, next_value, terminated, truncated, all (T, N); an end every 100 steps; one value between two."""
    rng = np.random.default_rng(0)
    reward = rng.standard_normal((steps, envs)).astype(dtype)
    values = rng.standard_normal((steps + 1, envs)).astype(dtype)
    terminated = rng.random((steps, envs)) < 0.01
    return reward, values[:-1].copy(), values[1:].copy(), terminated, np.zeros((steps, envs), bool)


def ours(sizes: tuple) -> Run:
    """`returns.gae`."""
    arrays = data(*sizes)
    return lambda: returns.gae(*arrays, GAMMA, LAM)


def sb3(sizes: tuple) -> Run:
    """RolloutBuffer.compute_returns_and_advantage."""
    import torch
    from gymnasium.spaces import Box, Discrete
    from stable_baselines3.common.buffers import RolloutBuffer

    reward, value, next_value, terminated, _ = data(*sizes)
    buffer = RolloutBuffer(sizes[0], Box(-1, 1, (1,)), Discrete(2), "cpu", LAM, GAMMA, sizes[1])
    buffer.rewards[:], buffer.values[:], buffer.episode_starts[1:] = reward, value, terminated[:-1]
    last = torch.from_numpy(next_value[-1])

    def run() -> NDArray:
        buffer.compute_returns_and_advantage(last, terminated[-1])
        return buffer.advantages

    return run


def lfilter(sizes: tuple) -> Run:
    """SciPy's recursive filter, which has one constant coefficient: so episode by episode."""
    from scipy.signal import lfilter

    reward, value, next_value, terminated, _ = data(*sizes)

    def run() -> NDArray:
        delta = reward + GAMMA * (~terminated * next_value) - value
        cuts = [0, *(np.flatnonzero(terminated[:, 0]) + 1), len(delta)]
        parts = [
            lfilter([1.0], [1.0, -GAMMA * LAM], delta[start:stop][::-1], axis=0)[::-1]
            for start, stop in pairwise(cuts)
        ]
        return np.concatenate(parts)

    return run


def rlax(sizes: tuple) -> Run:
    """rlax.truncated_generalized_advantage_estimation, jitted, mapped over environments; always in float32."""
    jax = jax_peer.library()
    import rlax

    reward, value, next_value, terminated, _ = data(*sizes)
    values = np.concatenate([value, next_value[-1:]])
    discount = (GAMMA * ~terminated).astype(np.float32)
    gae = rlax.truncated_generalized_advantage_estimation
    compiled = jax.jit(jax.vmap(gae, in_axes=(1, 1, None, 1), out_axes=1), static_argnums=2)
    arrays = [jax.device_put(array.astype(np.float32)) for array in (reward, discount, values)]
    return jax_peer.waiting(compiled, arrays[0], arrays[1], LAM, arrays[2])


def stream(reward, value, next_value, terminated, truncated, out):
    """Every read and the write of GAE, but no step waits for another."""
    for i in range(len(out)):
        out[i] = reward[i] + next_value[i] * (terminated[i] | truncated[i]) - value[i]


def bandwidth(sizes: tuple) -> Run:
    """GAE at the speed of memory."""
    arrays = data(*sizes)
    return machine.streaming(stream, *(array.ravel() for array in arrays), np.zeros(arrays[0].size, arrays[0].dtype))


def work(sizes: tuple, note: str, peers: dict[str, Callable[[tuple], Run]], targets: dict[str, float]) -> Work:
    """A row for one size (T, N, dtype)."""
    setups: dict[str, Setup] = {name: partial(make, sizes) for name, make in {"ours": ours, **peers}.items()}
    return Work(f"GAE {sizes[0]}×{sizes[1]}{note}", "advantages", setups, targets, tolerance=1e-4)


WORKS = (
    work((2048, 1, np.float32), "", {"stable-baselines3": sb3, "scipy lfilter": lfilter, "rlax": rlax},
         {"stable-baselines3": 2500, "rlax": 10}),
    work((1024, 64, np.float32), "", {"stable-baselines3": sb3, "rlax": rlax, "bandwidth": bandwidth},
         {"bandwidth": 0.75}),
    work((1_000_000, 1, np.float64), ", float64", {"rlax": rlax, "bandwidth": bandwidth}, {"bandwidth": 0.9}),
)  # fmt: skip
