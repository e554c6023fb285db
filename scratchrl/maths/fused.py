"""Whole gradients in one compiled call, for what is trained most: float32; A2C, PPO's clip (categorical actions), DQN.

What takes a dozen calls when it is composed of `policies.forward`, `log_prob`, `objectives.ppo_clip`, `score` and
`vjp` is here one pass over a minibatch, so that small minibatches cost what their arithmetic costs. The composition is
the definition (algorithms/a2c.py, ppo.py, dqn.py); this must equal it.

Checked in tests/maths/test_fused.py: equal to the composition within rounding, for every shape and every ratio.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths import action_values, kernels, mlp, objectives
from scratchrl.maths.mlp import MLP
from scratchrl.maths.policies import Policy


def covers(policy: Policy, theta: NDArray, obs: NDArray, action: NDArray, *reals: NDArray) -> bool:
    """Whether the two below take these: one softmax, one integer a row, all else float32 and contiguous."""
    one_softmax = policy.free == 0 and len(policy.distribution.segments) == 1 and action.ndim == 1
    return one_softmax and theta.dtype.char == "f" and kernels.are_alike(theta, obs, *reals)


def policy_gradient(
    policy: Policy, theta: NDArray, obs: NDArray, action: NDArray, advantage: NDArray, entropy_coefficient: float
) -> tuple[Any, NDArray]:
    """−(1/B) Σ_b (A_b log π(a_b|o_b) + c H_b) and its gradient with respect to θ, c the entropy coefficient.

    Args:
      obs (B, O); action (B,) integers; advantage (B,). `covers` must hold.
    Returns:
      loss (), d_theta (size,), float32.
    Raises:
      ValueError: an action that the policy does not have.

    Checked in tests/maths/test_fused.py.
    """
    net = policy.mlp
    action_values.check_action(net, action)
    loss, d_theta = kernels.categorical_policy_gradient(
        theta, net.sizes, mlp.ACTIVATIONS[net.activation], obs, tuple(mlp.outputs(net, len(obs))),
        action, advantage, entropy_coefficient,
    )  # fmt: skip
    return np.float32(loss), d_theta


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
    action_values.check_action(net, action)
    loss, d_theta = kernels.categorical_ppo_clip(
        theta, net.sizes, mlp.ACTIVATIONS[net.activation], obs, tuple(mlp.outputs(net, len(obs))),
        action, log_prob_old, advantage, clip,
    )  # fmt: skip
    return np.float32(loss), d_theta


def covers_q_learning(action: NDArray, terminated: NDArray, *reals: NDArray) -> bool:
    """Whether `q_learning` takes these: integers, flags, and all else float32; contiguous."""
    alike = reals[0].dtype.char == "f" and kernels.are_alike(*reals)
    return alike and action.dtype == np.int64 and terminated.dtype == np.bool and action.flags.c_contiguous


def q_learning(
    net: MLP, theta: NDArray, target: NDArray, obs: NDArray, action: NDArray, reward: NDArray, next_obs: NDArray,
    terminated: NDArray, discount: NDArray, double: bool, delta: float,
) -> tuple[Any, NDArray]:  # fmt: skip
    """(1/B) Σ_b H_δ(Q_θ(s_b, a_b) − y_b) and its gradient with respect to θ, y from the network θ⁻ = `target`.

    Args:
      obs, next_obs (B, O); action (B,) integers; reward, terminated, discount (B,); double: θ chooses the action that
      θ⁻ judges; delta: δ > 0, ∞ for half the square. `covers_q_learning` must hold.
    Returns:
      loss (), d_theta (size,), float32.
    Raises:
      ValueError: an action that the network has no output for.

    Checked in tests/maths/test_fused.py.
    """
    action_values.check_action(net, action)
    loss, d_theta = kernels.q_learning(
        theta, target, net.sizes, mlp.ACTIVATIONS[net.activation], obs, action, reward, next_obs, terminated, discount,
        double, delta, tuple(mlp.outputs(net, len(obs))),
    )  # fmt: skip
    return np.float32(loss), d_theta
