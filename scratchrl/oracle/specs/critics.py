"""Specs around critics: the loss of a deterministic actor, the smallest of several critics, the end of a bootstrap."""

import numpy as np

from scratchrl.oracle.cases import critics as cases
from scratchrl.oracle.roles import Role, plain
from scratchrl.oracle.scripted import Box
from scratchrl.oracle.specification import Identity, Spec
from scratchrl.oracle.specs.loss_roles import BATCHES
from scratchrl.oracle.specs.losses import ALONE
from scratchrl.oracle.specs.targets import ONE_Q
from scratchrl.oracle.specs.trajectory_identities import first
from scratchrl.oracle.trajectory_roles import GAMMA, REWARD

# ---- the actor ----


def ddpg_policy_loss(q, q_target):
    """−(1/B) Σ Q(s, μ(s)) and its derivatives by Q and by the target network's Q, which it does not use.

    Checked in tests/oracle/specs/test_critics.py.

    >>> ddpg_policy_loss(np.array([3.0, 1.0]), np.array([9.0, 9.0]))
    (np.float64(-2.0), array([-0.5, -0.5]), array([0., 0.]))
    """
    return -q.mean(), (0 * q - 1) / len(q), 0 * q_target


def more_is_better(f, q, **case):
    """f(Q + 1) − f(Q) + 1."""
    return first(f(q=q + 1, **case)) - first(f(q=q, **case)) + 1


tame, stress, edges = cases.policy_kinds()
DDPG_POLICY_LOSS = Spec(
    name="ddpg_policy_loss",
    formula="L = −(1/B) Σ Q(s, μ(s)),  ∂L/∂Q = −1/B",
    source="Silver et al. 2014; Lillicrap et al. 2016, eq. 6",
    reference=ddpg_policy_loss,
    outputs=("loss", "d_q", "d_q_target"),
    tame=tame, stress=stress, edges=edges,
    roles=(
        plain("q", "qf", "q_value", "q_values", "q_pi", "qf_pi", "q1", "qf1_pi", "q1_pi", "values", "critic_value",
              "qs", "q_online", "actor_q"),
        plain("q_target", "target_q", "q_targ", "target_q_values", "q_pi_targ", "q1_target", "target_critic_q"),
    ),
    layouts=BATCHES,
    absent={"q_target": lambda canonical: 0 * canonical["q"]},
    differentiate=("q", "q_target"),
    identities=(ALONE, Identity("one more of every Q is one less of loss", more_is_better)),
)  # fmt: skip

# ---- several critics ----


def critic_minimum(qs):
    """min over the critics, sample by sample.

    Checked in tests/oracle/specs/test_critics.py.

    >>> critic_minimum([np.array([1.0, 5.0]), np.array([2.0, 4.0]), np.array([3.0, 3.0])])
    array([1., 3.])
    """
    return np.stack(qs).min(axis=0)


def _reordered(f, qs):
    """f(qs in reverse) − f(qs)."""
    return f(qs=qs[::-1]) - f(qs=qs)


WORDS = ("q_values", "qs", "q", "critics", "next_q_values", "next_qs", "target_qs", "ensemble", "values", "next_q")
tame, stress, edges = cases.ensemble_kinds()
CRITIC_MINIMUM = Spec(
    name="critic_minimum",
    formula="min_k Q_k(s, a), for any number of critics",
    source="Fujimoto et al. 2018; Chen et al. 2021",
    reference=critic_minimum,
    outputs=("q",),
    tame=tame, stress=stress, edges=edges,
    roles=(
        plain("qs", *WORDS),
        Role("stacked", WORDS, ("qs",), lambda case: np.stack(case["qs"]),
             lambda given: {"qs": list(given["stacked"])}, excludes=("qs",)),
        Role("stacked_last", WORDS, ("qs",), lambda case: np.stack(case["qs"], axis=-1),
             lambda given: {"qs": list(given["stacked_last"].T)}, excludes=("qs", "stacked")),
    ),
    identities=(Identity("the critics may change places", _reordered),),
)  # fmt: skip

# ---- the entropy aimed at ----


def target_entropy(shape, factor):
    """H̄ = −c A: A the number of action dimensions, whatever their shape, c = 1 if nobody says otherwise.

    Checked in tests/oracle/specs/test_critics.py.

    >>> target_entropy((2, 3), 0.5)
    -3.0
    """
    return -factor * int(np.prod(shape))


TARGET_ENTROPY = Spec(
    name="target_entropy",
    formula="H̄ = −c A, A the number of action dimensions, c = 1",
    source="Haarnoja et al. 2018, Soft actor-critic algorithms and applications, appendix D",
    reference=target_entropy,
    outputs=("target_entropy",),
    tame={"shapes": cases.SHAPES}, stress={}, edges={},
    roles=(
        plain("shape", "action_shape", "act_shape"),
        Role("action_dim", ("act_dim", "n_actions", "action_size", "dim", "a", "num_actions", "action_dims", "n"),
             ("shape",), lambda case: int(np.prod(case["shape"])), lambda given: {"shape": (given["action_dim"],)},
             excludes=("shape",)),
        Role("action_space", ("space", "single_action_space", "act_space"), ("shape",), lambda case: case["shape"],
             lambda given: {"shape": given["action_space"]}, excludes=("shape", "action_dim"),
             make=lambda shape: Box(-1.0, 1.0, shape)),
        plain("factor", "scale", "coef", "c", "target_entropy_scale", "target_entropy_coef", "entropy_scale"),
    ),
    absent={"factor": lambda canonical: 1.0},
)  # fmt: skip

# ---- the end of a bootstrap ----


def terminal_bootstrap(reward, next_value, terminated, gamma):
    """r where terminated, else r + γ v′: whatever v′ is at an end, nan too, it is not looked at.

    Checked in tests/oracle/specs/test_critics.py.

    >>> terminal_bootstrap(np.array([1.0, 1.0]), np.array([4.0, np.nan]), np.array([False, True]), 0.5)
    array([3., 1.])
    """
    return np.where(terminated, reward, reward + gamma * np.where(terminated, 0 * reward, next_value))


tame, stress, edges = cases.successor_kinds()
TERMINAL_BOOTSTRAP = Spec(
    name="terminal_bootstrap",
    formula="y = r where terminated, even if v′ is nan there, else r + γ v′",
    source="definition",
    reference=terminal_bootstrap,
    outputs=("target",),
    tame=tame, stress=stress, edges=edges,
    roles=(
        REWARD, plain("next_value", *ONE_Q.aliases, "next_q", "next_values", "next_v", "v_next"),
        plain("terminated", "done", "dones", "terminal", "terminals", "d", "terminations", flags=True), GAMMA,
    ),
    layouts=BATCHES,
)  # fmt: skip
