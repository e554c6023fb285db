"""Specs of advantages: GAE first, for it is the function of this field most often written wrong, and V-trace."""

from scratchrl.maths import off_policy, returns
from scratchrl.oracle.cases import returns as cases
from scratchrl.oracle.episode_ends import ENDS_OF_EPISODES
from scratchrl.oracle.specification import TIME_LAYOUTS, Spec
from scratchrl.oracle.specs import advantage_identities as own
from scratchrl.oracle.specs.returns import COMMON, FLAGS, NEVER, one
from scratchrl.oracle.specs.trajectory_identities import SUPERPOSITION
from scratchrl.oracle.trajectory_roles import GAMMA, LAM, RATIOS, REWARD, VALUES


def gae(reward, value, next_value, terminated, truncated, gamma, lam):
    """A and the value target A + V that most implementations return with it."""
    advantage = returns.gae(reward, value, next_value, terminated, truncated, gamma, lam)
    return advantage, advantage + value


def _return_minus_value(reward, value, next_value, terminated, truncated, gamma, lam):
    """The same by way of the λ-return, where v′_t = v_{t+1}."""
    target = returns.lambda_return(reward, next_value, terminated, truncated, gamma, lam)
    return target - value, target


def vtrace(log_rho, reward, value, next_value, terminated, truncated, gamma, lam, rho_bar):
    """V-trace with c̄ = 1."""
    return off_policy.vtrace(log_rho, reward, value, next_value, terminated, truncated, gamma, lam, rho_bar)


_arrays = ("reward", "value", "next_value", *FLAGS)
_tame, _stress, _edges = cases.kinds(_arrays, ("gamma", "lam"))
GAE = Spec(
    name="gae",
    formula="A_t = δ_t + γλ (1 − terminated_t ∨ truncated_t) A_{t+1},  δ_t = r_t + γ (1 − terminated_t) v′_t − v_t",
    source="Schulman et al. 2016, eq. 11 and 16",
    reference=gae,
    outputs=("advantage", "return"),
    tame=_tame, stress=_stress, edges=_edges,
    roles=(REWARD, *VALUES, *ENDS_OF_EPISODES, GAMMA, LAM),
    layouts=TIME_LAYOUTS,
    absent=NEVER,
    formulas=(_return_minus_value,),
    identities=(*COMMON, SUPERPOSITION, *own.OF_GAE),
)  # fmt: skip

_with_ratio = ("log_rho", *_arrays)
_tame, _stress, _edges = cases.kinds(_with_ratio, ("gamma", "lam"), {"rho_bar": cases.CLIPS})
_apart = cases.trajectories(_with_ratio, ("gamma", "lam"), apart=64.0, extra={"rho_bar": cases.CLIPS})
VTRACE = Spec(
    name="vtrace",
    formula="vs = v + g, g_t = ρ̂_t (r_t + γ m_t v′_t − v_t) + γ λ min(1, ρ_t) c_t g_{t+1}; "
            "A_t = ρ̂_t (r_t + γ m_t vs_{t+1} − v_t); ρ̂ = min(ρ̄, ρ)",
    source="Espeholt et al. 2018, eq. 1 and section 4.2",
    reference=vtrace,
    outputs=("vs", "advantage"),
    tame=_tame, edges=_edges,
    stress=_stress | {"policies far apart": _apart},
    roles=(*RATIOS, REWARD, *VALUES, *ENDS_OF_EPISODES, GAMMA, LAM),
    layouts=TIME_LAYOUTS,
    absent=NEVER | {"lam": one, "rho_bar": one},
    identities=(*COMMON, *own.OF_VTRACE),
)  # fmt: skip
