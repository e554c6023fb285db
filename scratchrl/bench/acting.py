"""One step of acting: an observation in; an action, its log-probability and the state's value out."""

from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchrl.bench import jax_peer, torch_peer
from scratchrl.bench.work import Run, Work
from scratchrl.maths import initialization, mlp, policies
from scratchrl.maths.mlp import MLP
from scratchrl.maths.policies import Policy

OBSERVATION, ACTIONS = 4, 2


class Data(NamedTuple):
    """Two networks, 64×64 tanh, and observations."""

    policy: Policy
    value: MLP
    theta: NDArray
    phi: NDArray
    obs: NDArray  # (B, O)


@lru_cache(maxsize=4)
def data(rows: int) -> Data:
    """Two networks whose outputs are of size 1, so that the action is no foregone conclusion."""
    rng = np.random.default_rng(0)
    policy, value = policies.categorical_policy(OBSERVATION, ACTIONS), MLP((OBSERVATION, 64, 64, 1))
    theta = policies.init(policy, rng, gain=1.0, dtype=np.float32)
    phi = initialization.init(value, rng, dtype=np.float32)
    return Data(policy, value, theta, phi, rng.standard_normal((rows, OBSERVATION), dtype=np.float32))


def ours(rows: int) -> Run:
    """As in training, with θ and φ fixed between two updates: both networks prepared once for many observations."""
    policy, value, theta, phi, obs = data(rows)
    rng = np.random.default_rng(1)
    logits_of, value_of = mlp.predictor(policy.mlp, theta), mlp.predictor(value, phi)

    def run() -> tuple[NDArray, NDArray, NDArray]:
        logits = logits_of(obs)
        action = policy.distribution.sample(rng, logits)
        return action, value_of(obs)[:, 0], policy.distribution.log_prob(logits, action)

    return run


def sb3(rows: int) -> Run:
    """ActorCriticPolicy called as collect_rollouts calls it."""
    import torch
    from gymnasium.spaces import Discrete

    _, _, theta, phi, obs = data(rows)
    policy = torch_peer.agent("PPO", OBSERVATION, Discrete(ACTIONS)).policy
    torch_peer.load(torch_peer.actor(policy), theta)
    torch_peer.load(torch_peer.critic(policy), phi)
    policy.set_training_mode(False)

    def run() -> Any:
        with torch.no_grad():
            return policy(torch.as_tensor(obs))

    return run


def torch_alone(rows: int) -> Run:
    """The least that eager torch can do: no classes of distributions."""
    import torch

    held = data(rows)
    net = torch_peer.network(held.policy.mlp, held.theta)
    critic = torch_peer.network(held.value, held.phi)

    def run() -> Any:
        with torch.inference_mode():
            obs = torch.from_numpy(held.obs)
            log_probs = torch.log_softmax(net(obs), 1)
            action = torch.multinomial(log_probs.exp(), 1)
            return action[:, 0], critic(obs)[:, 0], log_probs.gather(1, action)[:, 0]

    return run


def jax_jitted(rows: int) -> Run:
    """One compiled function; the key is split inside."""
    jax = jax_peer.library()
    held = data(rows)
    policy, value = jax_peer.forward(held.policy.mlp), jax_peer.forward(held.value)

    def act(theta: Any, phi: Any, obs: Any, key: Any) -> Any:
        key, child = jax.random.split(key)
        logits = policy(theta, obs)
        action = jax.random.categorical(child, logits)
        log_prob = jax.nn.log_softmax(logits)[np.arange(rows), action]
        return (action, value(phi, obs)[:, 0], log_prob), key

    compiled, key = jax.jit(act), jax.random.key(0)
    theta, phi = jax_peer.layers(held.policy.mlp, held.theta), jax_peer.layers(held.value, held.phi)

    def run() -> Any:
        nonlocal key
        result, key = compiled(theta, phi, held.obs, key)
        return [np.asarray(part) for part in result]

    return run


def answer(result: Any) -> NDArray:
    """What does not depend on chance: V, and the probability of action 0, from that of the action that was drawn."""
    action, value, log_prob = (np.asarray(part).ravel() for part in result)
    probability = np.exp(log_prob)
    return np.concatenate([value, np.where(action == 0, probability, 1 - probability)])


def work(rows: int, targets: dict[str, float]) -> Work:
    """A row for so many observations at once."""
    makers = {"ours": ours, "stable-baselines3 policy()": sb3, "torch": torch_alone, "jax": jax_jitted}
    setups = {name: partial(make, rows) for name, make in makers.items()}
    name = f"act: action, log π, value; 64×64 tanh, batch {rows}"
    return Work(name, "acting", setups, targets, answers=dict.fromkeys(makers, answer), tolerance=1e-5)


WORKS = work(1, {"stable-baselines3 policy()": 80}), work(8, {})
