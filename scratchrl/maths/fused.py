"""Whole gradients in one compiled call, for what is trained most: float32; A2C, PPO's clip (categorical actions), DQN.

What takes a dozen calls when it is composed of `policies.forward`, `log_prob`, `objectives.ppo_clip`, `score` and
`vjp` is here one pass over a minibatch, so that small minibatches cost what their arithmetic costs. The composition is
the definition (algorithms/a2c.py, ppo.py, dqn.py); this must equal it. Where a kernel does not take the arrays (another
precision, another distribution, an action that there is none of) the answer is None, and the composition has the word.

Checked in tests/maths/test_fused.py: equal to the composition within rounding, for every shape and every ratio.
"""

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths import kernels, mlp, objectives, policies
from scratchrl.maths.mlp import MLP
from scratchrl.maths.policies import Policy


def policy_gradient(
    policy: Policy, theta: NDArray, obs: NDArray, action: NDArray, advantage: NDArray, entropy_coefficient: float
) -> tuple[np.float32, NDArray] | None:
    """−(1/B) Σ_b (A_b log π(a_b|o_b) + c H_b) and its gradient with respect to θ, c the entropy coefficient.

    Args:
      obs (B, O); action (B,) integers; advantage (B,).
    Returns:
      loss (), d_theta (size,), float32; or None.

    Checked in tests/maths/test_fused.py.
    """
    net = policy.mlp
    if not (policies.is_categorical(policy) and mlp.fits(net, (theta,), (obs,), action, advantage)):
        return None
    loss, d_theta = kernels.categorical_policy_gradient(
        theta, net.sizes, mlp.ACTIVATIONS[net.activation], obs, tuple(mlp.outputs(net, len(obs))),
        action, advantage, entropy_coefficient, -1 / len(obs),
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
) -> tuple[np.float32, NDArray] | None:
    """−(1/B) Σ_b min(ρ_b A_b, clip(ρ_b, 1−ε, 1+ε) A_b) and its gradient with respect to θ.

    Args:
      obs (B, O); action (B,) integers; log_prob_old, advantage (B,); clip: ε > 0.
    Returns:
      loss (), d_theta (size,), float32; or None.
    Raises:
      ValueError: clip ≤ 0.

    Checked in tests/maths/test_fused.py.
    """
    net = policy.mlp
    objectives.check_clip(clip)
    if not (policies.is_categorical(policy) and mlp.fits(net, (theta,), (obs,), action, log_prob_old, advantage)):
        return None
    loss, d_theta = kernels.categorical_ppo_clip(
        theta, net.sizes, mlp.ACTIVATIONS[net.activation], obs, tuple(mlp.outputs(net, len(obs))),
        action, log_prob_old, advantage, clip,
    )  # fmt: skip
    return np.float32(loss), d_theta


def q_learning(
    net: MLP, theta: NDArray, target: NDArray, obs: NDArray, action: NDArray, reward: NDArray, next_obs: NDArray,
    terminated: NDArray, discount: NDArray, double: bool, delta: float,
) -> tuple[np.float32, NDArray] | None:  # fmt: skip
    """(1/B) Σ_b H_δ(Q_θ(s_b, a_b) − y_b) and its gradient with respect to θ, y from the network θ⁻ = `target`.

    Args:
      obs, next_obs (B, O); action (B,) integers; reward, terminated, discount (B,); double: θ chooses the action that
      θ⁻ judges; delta: δ > 0, ∞ for half the square.
    Returns:
      loss (), d_theta (size,), float32; or None.

    Checked in tests/maths/test_fused.py.
    """
    flags = terminated.dtype == np.bool and terminated.shape == action.shape
    if not (flags and mlp.fits(net, (theta, target), (obs, next_obs), action, reward, discount)):
        return None
    loss, d_theta = kernels.q_learning(
        theta, target, net.sizes, mlp.ACTIVATIONS[net.activation], obs, action, reward, next_obs, terminated, discount,
        double, delta, tuple(mlp.outputs(net, len(obs))),
    )  # fmt: skip
    return np.float32(loss), d_theta
