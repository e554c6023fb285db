"""Forward and backward: the gradient of Σ_b w_b log π_θ(a_b|o_b), which is every policy gradient there is."""

from collections.abc import Callable
from functools import lru_cache, partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchrl.bench import jax_peer, machine, torch_peer
from scratchrl.bench.work import Run, Setup, Work
from scratchrl.maths import fused, policies
from scratchrl.maths.policies import Policy

OBSERVATION, ACTIONS, CLIP = 4, 2, 0.2


class Size(NamedTuple):
    """Widths of the hidden layers, rows."""

    width: int
    rows: int
    activation: str = "tanh"


class Data(NamedTuple):
    """θ and a batch."""

    policy: Policy
    theta: NDArray
    obs: NDArray
    action: NDArray
    weight: NDArray  # or the advantage
    log_prob_old: NDArray


@lru_cache(maxsize=4)
def data(size: Size) -> Data:
    """Outputs of size 1; an old policy whose ratios lie on both sides of the clip."""
    rng = np.random.default_rng(0)
    policy = policies.categorical_policy(OBSERVATION, ACTIONS, (size.width, size.width), size.activation)
    theta = policies.init(policy, rng, gain=1.0, dtype=np.float32)
    obs = rng.standard_normal((size.rows, OBSERVATION), dtype=np.float32)
    action = rng.integers(ACTIONS, size=size.rows)
    weight, noise = (rng.standard_normal(size.rows, dtype=np.float32) for _ in range(2))
    log_prob = policies.log_prob(policy, theta, obs, action)
    return Data(policy, theta, obs, action, weight, log_prob + np.float32(0.2) * noise)


def operations(size: Size) -> float:
    """Floating-point operations of the products: three for each weight and row, two where no input is asked about."""
    weights = [n * m for n, m in pairwise((OBSERVATION, size.width, size.width, ACTIONS))]
    return 2 * size.rows * (3 * sum(weights) - weights[0])


# ---- Σ_b w_b log π ----


def ours(size: Size) -> Run:
    """`policies.weighted_score`."""
    policy, theta, obs, action, weight, _ = data(size)
    return lambda: policies.weighted_score(policy, theta, obs, action, weight)


def torch_score(size: Size) -> Run:
    """Eager autograd, as a training loop has it: torch.distributions.Categorical, gradients by torch.autograd.grad."""
    import torch
    from torch.distributions import Categorical

    held = data(size)
    net = torch_peer.network(held.policy.mlp, held.theta)
    parameters = list(net.parameters())
    obs, action, weight = (torch.from_numpy(array) for array in (held.obs, held.action, held.weight))

    def run() -> Any:
        log_prob = Categorical(logits=net(obs)).log_prob(action)
        return torch.autograd.grad((weight * log_prob).sum(), parameters)

    return run


def jax_score(size: Size) -> Run:
    """One compiled gradient."""
    jax = jax_peer.library()
    held = data(size)
    forward, rows = jax_peer.forward(held.policy.mlp), np.arange(size.rows)

    def total(tree: Any, obs: Any, action: Any, weight: Any) -> Any:
        return (weight * jax.nn.log_softmax(forward(tree, obs))[rows, action]).sum()

    arrays = jax.device_put((held.obs, held.action, held.weight))
    return jax_peer.waiting(jax.jit(jax.grad(total)), jax_peer.layers(held.policy.mlp, held.theta), *arrays)


# ---- PPO's clipped objective ----


def ours_clip(size: Size) -> Run:
    """`fused.ppo_clip`."""
    policy, theta, obs, action, advantage, log_prob_old = data(size)

    def run() -> NDArray:
        answer = fused.ppo_clip(policy, theta, obs, action, log_prob_old, advantage, CLIP)
        assert answer is not None, "the kernel takes these"
        return answer[1]

    return run


def torch_clip(size: Size) -> Run:
    """Eager autograd."""
    import torch
    from torch.distributions import Categorical

    held = data(size)
    net = torch_peer.network(held.policy.mlp, held.theta)
    parameters = list(net.parameters())
    arrays = held.obs, held.action, held.weight, held.log_prob_old
    obs, action, advantage, log_prob_old = (torch.from_numpy(array) for array in arrays)

    def run() -> Any:
        ratio = torch.exp(Categorical(logits=net(obs)).log_prob(action) - log_prob_old)
        clipped = torch.clamp(ratio, 1 - CLIP, 1 + CLIP)
        return torch.autograd.grad(-torch.min(ratio * advantage, clipped * advantage).mean(), parameters)

    return run


ANSWERS = {"torch": torch_peer.flat, "jax": jax_peer.flat}


def score_work(name: str, size: Size, targets: dict[str, float]) -> Work:
    """A row of Σ w log π."""
    limit, amount = machine.sgemm(operations(size))
    makers: dict[str, Callable[[Size], Run]] = {"ours": ours, "torch": torch_score, "jax": jax_score}
    setups: dict[str, Setup] = {who: partial(make, size) for who, make in makers.items()}
    return Work(
        f"gradient of Σ w log π, {name}, B = {size.rows}", "networks", {**setups, "sgemm": limit}, targets,
        amount={"sgemm": amount}, answers=ANSWERS, tolerance=1e-4,
    )  # fmt: skip


def clip_work(size: Size) -> Work:
    """A row of PPO-clip."""
    makers = {"ours": partial(ours_clip, size), "torch": partial(torch_clip, size)}
    name = f"gradient of PPO-clip, 64×64 tanh, B = {size.rows}"
    return Work(name, "networks", makers, {}, answers={"torch": torch_peer.flat}, tolerance=1e-4)


WORKS = (
    score_work("64×64 tanh", Size(64, 64), {"torch": 12, "jax": 3}),
    score_work("64×64 tanh", Size(64, 2048), {"torch": 3, "jax": 1.4}),
    score_work("256×256 relu", Size(256, 256, "relu"), {"torch": 1.5, "sgemm": 0.9}),
    clip_work(Size(64, 64)),
)
