r"""What TRPO and PPO maximise in place of J, exactly: expectations over the old policy's states and actions.

    J(π′) − J(π) = Σ_s d_π′(s) Σ_a π′(a|s) A_π(s, a)               the performance-difference lemma           (1)
    L_π(π′) − J(π) = Σ_s d_π(s) Σ_a π′(a|s) A_π(s, a)              the same with the *old* states             (2)

(1) → (2) is the step where importance sampling is said to turn E_new into E_old. The ratio π′/π accounts for the
action; the change of the state distribution is dropped without being mentioned. It holds to first order only:

    d/dπ′ at π′ = π:  the product rule on (1) gives d_π dπ′ A + dd_π′ (Σ_a π A_π), and Σ_a π A_π = 0 in every state

so value and gradient of (2) are those of (1) at θ_old and the Hessians differ: J − L shrinks like ‖θ′ − θ‖², J minus
its own tangent does too, and only knowing d_π′ would make it better.

Papers: Kakade & Langford (2002), lemma 6.1; Schulman et al. (2015), TRPO, eq. 1 to 4; Schulman et al. (2017), PPO.
"""

import numpy as np

from scratchrl.exact import families
from scratchrl.exact.evaluation import advantage, expected_return
from scratchrl.exact.families import Family
from scratchrl.exact.mdp import MDP
from scratchrl.exact.occupancy import discounted_occupancy
from scratchrl.maths import categorical, objectives, policies


def performance_difference(mdp: MDP, new: np.ndarray, old: np.ndarray):
    r"""J(new) − J(old) by (1): the advantage of the old policy, met on the new policy's way.

    Along a trajectory of new, Σ_t γᵗ A_old(s_t, a_t) = Σ_t γᵗ (r_t + γ V_old(s_{t+1}) − V_old(s_t)) in expectation; the
    values telescope and leave Σ_t γᵗ r_t − V_old(s_0). Take the mean.

    Args:
      new, old: policies (S, A).
    Checked in tests/exact/test_surrogates.py: J(new) − J(old); finite horizons on the clocked MDP.
    """
    return np.einsum("s,sa,sa->", discounted_occupancy(mdp, new), new, _advantage(mdp, old))  # (1)


def surrogate(mdp: MDP, new: np.ndarray, old: np.ndarray):
    """L_old(new) of (2), in the units of J; L_old(old) = J(old).

    Checked in tests/exact/test_surrogates.py: value and slope at old, second-order error, enumeration.
    """
    gain = np.einsum("s,sa,sa->", discounted_occupancy(mdp, old), new, _advantage(mdp, old))
    return expected_return(mdp, old) + gain  # (2)


def surrogate_gradient(mdp: MDP, family: Family, theta: np.ndarray, theta_old: np.ndarray) -> np.ndarray:
    """∇_θ L = Σ_s d_old(s) Σ_a ∇π_θ(a|s) A_old(s, a): ∇J at θ_old, and nowhere else.

    Checked in tests/exact/test_surrogates.py; against trpo.loss_and_grad in
    tests/identities/test_algorithms_against_exact.py.
    """
    old = families.table(family, theta_old)
    return families.pull_back(family, theta, discounted_occupancy(mdp, old)[:, None] * _advantage(mdp, old))


def clipped_surrogate_gradient(
    family: Family, theta: np.ndarray, theta_old: np.ndarray, weight: np.ndarray, advantage: np.ndarray, clip: float
) -> np.ndarray:
    r"""∇_θ Σ_s w(s) E_{a~π_old}[min(ρA, clip(ρ, 1−ε, 1+ε)A)]: what PPO's later epochs follow, in expectation.

    The sample of (s, a) has probability w(s) π_old(a|s) and the weight of `objectives.ppo_clip`, ρA or 0. At θ_old none
    is clipped and this is the surrogate's gradient. Away from it two biases against ∇J(θ) add up: states are those of
    the old policy (as for TRPO), and every (s, a) beyond its bound has dropped out.

    Args:
      weight: of states, (S,), e.g. `discounted_occupancy` of old, or a distribution.
      advantage: (S, A), e.g. that of old.
    Checked in tests/exact/test_surrogates.py: complex step; against ppo.loss_and_grad in
    tests/identities/test_algorithms_against_exact.py.
    """
    l, cache = families.logits(family, theta)
    log_new, log_old = (categorical.log_softmax(x).ravel() for x in (l, families.logits(family, theta_old)[0]))
    _, d_log_prob = objectives.ppo_clip(log_new, log_old, advantage.ravel(), clip)
    c = weight[:, None] * np.exp(log_old).reshape(l.shape) * d_log_prob.reshape(l.shape)
    return policies.vjp(family.policy, theta, cache, c - categorical.softmax(l) * c.sum(axis=1, keepdims=True))


def _advantage(mdp, policy):
    """A_π, 0 where it is undefined (states that cannot be visited, at γ = 1)."""
    a = advantage(mdp, policy)
    return np.where(np.isnan(a), 0.0, a)
