"""Our parameters in torch: the same network with the same numbers, and results back in our order.

torch keeps a layer's matrix as (out, in), ours is (in, out); beyond that θ is the layers one after the other.
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths.mlp import MLP


def network(net: MLP, theta: NDArray) -> Any:
    """nn.Sequential with the parameters of θ."""
    from torch import nn

    layers: list[Any] = []
    for n, m in pairwise(net.sizes):
        layers += [nn.Linear(n, m), {"tanh": nn.Tanh, "relu": nn.ReLU}[net.activation]()]
    built = nn.Sequential(*layers[:-1])
    load(built.parameters(), theta)
    return built


def load(parameters: Iterable[Any], theta: NDArray) -> None:
    """θ into these tensors, in this order."""
    import torch

    start = 0
    with torch.no_grad():
        for tensor in parameters:
            part = theta[start : start + tensor.numel()]
            shape = tuple(tensor.shape)
            tensor.copy_(torch.tensor(part.reshape(shape[::-1]).T if len(shape) == 2 else part))
            start += tensor.numel()


def flat(tensors: Iterable[Any]) -> NDArray:
    """The inverse of `load`: gradients, say, as one vector in our order."""
    return np.concatenate([tensor.detach().numpy().T.ravel() for tensor in tensors])


# ---- stable-baselines3's policies ----


def agent(name: str, observation: int, action: Any, **options: Any) -> Any:
    """A model of stable-baselines3 or sb3-contrib for these spaces, on an environment that is never played."""
    import gymnasium as gym
    import sb3_contrib
    import stable_baselines3
    from stable_baselines3.common.logger import Logger

    class Unplayed(gym.Env):
        observation_space = gym.spaces.Box(-np.inf, np.inf, (observation,), np.float32)
        action_space = action

    algorithm = getattr(sb3_contrib, name) if hasattr(sb3_contrib, name) else getattr(stable_baselines3, name)
    model = algorithm("MlpPolicy", Unplayed(), device="cpu", seed=0, **options)
    model.set_logger(Logger(None, []))
    return model


def actor(policy: Any) -> list[Any]:
    """The actor's tensors in the order of our θ: its layers, then log σ if there is one."""
    layers = [*policy.mlp_extractor.policy_net.parameters(), *policy.action_net.parameters()]
    return [*layers, policy.log_std] if hasattr(policy, "log_std") else layers


def critic(policy: Any) -> list[Any]:
    """The critic's tensors in the order of our φ."""
    return [*policy.mlp_extractor.value_net.parameters(), *policy.value_net.parameters()]
