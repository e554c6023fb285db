"""Specs of returns: what came after a step, with and without a value function to say what comes after that."""

import numpy as np

from scratchrl.maths import returns
from scratchrl.oracle.cases import returns as cases
from scratchrl.oracle.episode_ends import ENDS_OF_EPISODES
from scratchrl.oracle.specification import TIME_LAYOUTS, Spec
from scratchrl.oracle.specs import advantage_identities as own
from scratchrl.oracle.specs import trajectory_identities as laws
from scratchrl.oracle.trajectory_roles import GAMMA, LAM, ONLY_NEXT_VALUES, REWARD, N


def no_flags(canonical):
    """What the absence of a flag means: it never happens."""
    return np.zeros(canonical["reward"].shape, bool)


def one(canonical):
    """What the absence of a discount means."""
    return 1.0


NEVER = {"terminated": no_flags, "truncated": no_flags}
FLAGS = ("terminated", "truncated")
COMMON = (*laws.OVER_ENDS, laws.PAST, *laws.BOOTSTRAPPED, laws.TWICE, *laws.OF_STREAMS)

_tame, _stress, _edges = cases.kinds(("reward",), ("gamma",))
DISCOUNTED_RETURN = Spec(
    name="discounted_return",
    formula="R(τ) = Σ_t γ^t r_t",
    source="Sutton & Barto 2018, eq. 3.8",
    reference=returns.discounted_return,
    outputs=("return",),
    tame=_tame, stress=_stress, edges=_edges,
    roles=(REWARD, GAMMA),
    layouts=TIME_LAYOUTS,
    absent={"gamma": one},
    identities=(laws.TWICE, *own.OF_DISCOUNTED_RETURN),
)  # fmt: skip

_tame, _stress, _edges = cases.kinds(("reward", *FLAGS), ("gamma",))
REWARD_TO_GO = Spec(
    name="reward_to_go",
    formula="R̂_t = r_t + γ (1 − terminated_t ∨ truncated_t) R̂_{t+1}",
    source="Sutton & Barto 2018, eq. 3.9",
    reference=returns.reward_to_go,
    outputs=("return",),
    tame=_tame, stress=_stress, edges=_edges,
    roles=(REWARD, *ENDS_OF_EPISODES, GAMMA),
    layouts=TIME_LAYOUTS,
    absent=NEVER | {"gamma": one},
    identities=(*laws.OVER_ENDS, laws.PAST, laws.TWICE, *laws.OF_STREAMS, *own.OF_REWARD_TO_GO),
)  # fmt: skip

_arrays = ("reward", "next_value", *FLAGS)
_tame, _stress, _edges = cases.kinds(_arrays, ("gamma",), {"n": cases.WINDOWS})
_monte_carlo = cases.trajectories(_arrays, ("gamma",), extra={"n": cases.LONG_WINDOW})
N_STEP_RETURN = Spec(
    name="n_step_return",
    formula="G_t = Σ_{k<j} γ^k r_{t+k} + γ^j (1 − terminated) v′_{t+j−1}, j = n or up to the end of episode or array",
    source="Sutton & Barto 2018, eq. 7.1",
    reference=returns.n_step_return,
    outputs=("return",),
    tame=_tame, stress=_stress, edges=_edges | {"n longer than the array": _monte_carlo},
    roles=(REWARD, *ONLY_NEXT_VALUES, *ENDS_OF_EPISODES, GAMMA, N),
    layouts=TIME_LAYOUTS,
    absent=NEVER,
    identities=(*COMMON, *own.OF_N_STEP_RETURN),
)  # fmt: skip

_tame, _stress, _edges = cases.kinds(_arrays, ("gamma", "lam"))
LAMBDA_RETURN = Spec(
    name="lambda_return",
    formula="G_t = r_t + γ ((1 − λ) v′_t + λ G_{t+1}) inside an episode, r_t + γ (1 − terminated_t) v′_t where it ends",
    source="Sutton & Barto 2018, eq. 12.9",
    reference=returns.lambda_return,
    outputs=("return",),
    tame=_tame, stress=_stress, edges=_edges,
    roles=(REWARD, *ONLY_NEXT_VALUES, *ENDS_OF_EPISODES, GAMMA, LAM),
    layouts=TIME_LAYOUTS,
    absent=NEVER | {"lam": one},
    identities=(*COMMON, *own.OF_LAMBDA_RETURN),
)  # fmt: skip
