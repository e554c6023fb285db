"""Whole gradients in one compiled call, for the case that is trained most: float32, categorical actions, PPO's clip.

What takes a dozen calls when it is composed of `policies.forward`, `log_prob`, `objectives.ppo_clip`, `score` and
`vjp` is here one pass over a minibatch, so that small minibatches cost what their arithmetic costs. The composition is
the definition (algorithms/ppo.py); this must equal it.

Checked in tests/maths/test_fused.py: equal to the composition within rounding, for every shape and every ratio.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths import kernels, mlp, objectives
from scratchrl.maths.policies import Policy


def covers(
    policy: Policy, theta: NDArray, obs: NDArray, action: NDArray, log_prob_old: NDArray, advantage: NDArray
) -> bool:
    """Whether `ppo_clip` takes these: one softmax, one integer a row, all else float32 and contiguous."""
    one_softmax = policy.free == 0 and len(policy.distribution.segments) == 1 and action.ndim == 1
    return one_softmax and theta.dtype.char == "f" and kernels.are_alike(theta, obs, log_prob_old, advantage)


def ppo_clip(
    policy: Policy,
    theta: NDArray,
    obs: NDArray,
    action: NDArray,
    log_prob_old: NDArray,
    advantage: NDArray,
    clip: float,
) -> tuple[Any, NDArray]:
    """−(1/B) Σ_b min(ρ_b A_b, clip(ρ_b, 1−ε, 1+ε) A_b) and its gradient with respect to θ.

    Args:
      obs (B, O); action (B,) integers; log_prob_old, advantage (B,); clip: ε > 0. `covers` must hold.
    Returns:
      loss (), d_theta (size,), float32.
    Raises:
      ValueError: an action that the policy does not have, or clip ≤ 0.

    Checked in tests/maths/test_fused.py.
    """
    net = policy.mlp
    objectives.check_clip(clip)
    if not kernels.are_below(action, net.sizes[-1]):
        raise ValueError(f"action: expected 0 to {net.sizes[-1] - 1}, got {action.min()} to {action.max()}")
    loss, d_theta = kernels.categorical_ppo_clip(
        theta, net.sizes, mlp.ACTIVATIONS[net.activation], obs, tuple(mlp.outputs(net, len(obs))),
        action, log_prob_old, advantage, clip,
    )  # fmt: skip
    return np.float32(loss), d_theta
