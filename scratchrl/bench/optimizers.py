"""Adam after clipping by the global norm, on one flat vector here, on a list of tensors there."""

from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchrl.bench import machine, torch_peer
from scratchrl.bench.work import Run, Work
from scratchrl.maths import initialization, mlp, optimizers
from scratchrl.maths.mlp import MLP

MAX_NORM, LR = 0.5, 3e-4
NETWORKS = {  # parameters → the networks that have them
    "5k": (MLP((4, 64, 64, 2)),),
    "70k": (MLP((4, 256, 256, 2)),),
    "140k": (MLP((17, 256, 256, 6)), MLP((17, 256, 256, 1))),
}


@lru_cache(maxsize=4)
def data(size: str) -> tuple[NDArray, NDArray]:
    """θ and a gradient."""
    rng = np.random.default_rng(0)
    theta = np.concatenate([initialization.init(net, rng, dtype=np.float32) for net in NETWORKS[size]])
    return theta, rng.standard_normal(len(theta), dtype=np.float32)


def ours(size: str) -> Run:
    """θ + step, all in one vector."""
    theta, gradient = data(size)
    state = optimizers.adam_init(theta)

    def run() -> NDArray:
        nonlocal theta, state
        state, step = optimizers.adam(state, gradient, LR, max_norm=MAX_NORM)
        theta = theta + step
        return theta

    return run


def torch_adam(size: str, fused: bool) -> Run:
    """clip_grad_norm_, then torch.optim.Adam."""
    import torch

    theta, gradient = data(size)
    parameters: list[Any] = []
    start = 0
    for net in NETWORKS[size]:
        stop = start + mlp.size(net)
        built = list(torch_peer.network(net, theta[start:stop]).parameters())
        for tensor in built:
            tensor.grad = torch.empty_like(tensor)
        torch_peer.load([tensor.grad for tensor in built], gradient[start:stop])
        parameters, start = parameters + built, stop
    optimizer = torch.optim.Adam(parameters, lr=LR, fused=fused)

    def run() -> Any:
        torch.nn.utils.clip_grad_norm_(parameters, MAX_NORM)
        optimizer.step()
        return parameters

    return run


def stream(theta, m, v, gradient):
    """Reads θ, m, v, g, then writes θ, m, v. No constants: they would be float64 and make the sums so."""
    for i in range(len(theta)):
        m_new, v_new, theta_new = m[i] + gradient[i], v[i] - gradient[i], theta[i] + gradient[i]
        m[i], v[i], theta[i] = m_new, v_new, theta_new


def bandwidth(size: str) -> Run:
    """Adam at the speed of memory."""
    theta, gradient = data(size)
    return machine.streaming(stream, theta.copy(), np.zeros_like(theta), np.zeros_like(theta), gradient)


def work(size: str) -> Work:
    """A row for a number of parameters."""
    makers = {
        "ours": partial(ours, size), "torch": partial(torch_adam, size, False),
        "torch, fused": partial(torch_adam, size, True), "bandwidth": partial(bandwidth, size),
    }  # fmt: skip
    answers = {"torch": torch_peer.flat, "torch, fused": torch_peer.flat}
    targets = {"torch": 14.0, "torch, fused": 3.5}
    name = f"Adam and clipping, {size} parameters"
    return Work(name, "optimizers", makers, targets, answers=answers, tolerance=1e-6)


WORKS = tuple(work(size) for size in NETWORKS)
