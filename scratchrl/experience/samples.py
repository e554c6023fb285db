"""Samples: the transitions of a batch as rows (B, ...), with what the collecting policy and critic say about them."""

from typing import NamedTuple

from numpy.typing import NDArray

from scratchrl.experience.agent import Agent
from scratchrl.experience.batch import Batch, valid_rows
from scratchrl.maths import chunks, critic, policies, returns


class Samples(NamedTuple):
    """B transitions. Everything here was computed before the update and is constant during it."""

    obs: NDArray  # (B, O)
    action: NDArray  # (B,) or (B, A)
    params: NDArray  # (B, P) distribution parameters of the policy that acted
    log_prob: NDArray  # (B,) log π_old(a|s)
    value: NDArray  # (B,) V_φ(s)
    advantage: NDArray  # (B,)
    target: NDArray  # (B,) what V is regressed onto


def judged(agent: Agent, theta: NDArray, phi: NDArray, batch: Batch, gamma: float, lam: float) -> Samples:
    """Advantages by GAE(γ, λ), value targets A + V (the λ-return on this data).

    V is asked about obs and about the true successors, so that truncation bootstraps from the final observation.

    Args:
      batch: (T, N, ...), filler rows and padding marked; they are dropped here, after the scan along time.
    Returns:
      Samples (B, ...).

    Checked in tests/experience/test_samples.py.
    """
    value = critic.value(agent.value, phi, batch.obs)
    next_value = critic.value(agent.value, phi, batch.next_obs)
    advantage = returns.gae(batch.reward, value, next_value, batch.terminated, batch.truncated, gamma, lam)
    return weighted(agent, theta, batch, value, advantage, advantage + value)


def weighted(
    agent: Agent, theta: NDArray, batch: Batch, value: NDArray, advantage: NDArray, target: NDArray
) -> Samples:
    """Samples with weights that the caller chose: value, advantage, target (T, N)."""
    obs, action, *rest = valid_rows(batch, batch.obs, batch.action, value, advantage, target)

    def taken(part: tuple[NDArray, NDArray]) -> tuple[NDArray, NDArray]:
        params = policies.parameters(agent.policy, theta, part[0])
        return params, agent.policy.distribution.log_prob(params, part[1])

    return Samples(obs, action, *chunks.each(taken, (obs, action)), *rest)
