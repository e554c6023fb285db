"""Specs of targets computed from networks: which network is asked, about which observation and which action."""

import numpy as np

from scratchrl.maths import distributional, targets
from scratchrl.oracle.cases import backups as cases
from scratchrl.oracle.roles import Role, plain
from scratchrl.oracle.specification import Spec
from scratchrl.oracle.specs.distributional import SUPPORT_TOO, V_MAX, V_MIN
from scratchrl.oracle.specs.targets import ALPHA, LOG_ALPHA, NOT_TRUNCATED, TRANSITION
from scratchrl.oracle.trajectory_roles import GAMMA, REWARD


def sac_backup(obs, action, reward, next_obs, terminated, gamma, alpha, actor, q1, q2, q1_online, q2_online):
    """r + γ m ( min(Q₁, Q₂)(s′, a′) − α log π(a′|s′) ) with a′ ~ π(·|s′) drawn now, Q of the target networks.

    Checked in tests/oracle/specs/test_backups.py.

    >>> from scratchrl.oracle.cases.backups import FUNCTIONS
    >>> obs, no = np.array([[4.0, 2.0]]), np.zeros(1, bool)  # a′ = 1, log π = ½, Q₁ = 7½, Q₂ = 1
    >>> sac_backup(0 * obs, np.zeros((1, 1)), np.ones(1), obs, no, 0.5, 1.0, **FUNCTIONS)
    array([1.25])
    """
    next_action, next_log_prob = actor(next_obs)
    values = q1(next_obs, next_action), q2(next_obs, next_action)
    return targets.sac_target(reward, *values, next_log_prob, terminated, terminated & False, gamma, alpha)


def _both(first: str, second: str) -> Role:
    """Two critics behind one call, which gives a tuple."""
    name = f"{first}_and_{second}"
    aliases = ("critic_target", "critics_target", "target_critic", "q_target", "target_critics", "qf_target", "critics")
    own = ("critic", "critics", "qf", "q", "q_net")
    return Role(
        name, own if "online" in first else aliases, (first, second), lambda case: [case[first], case[second]],
        lambda given: dict(zip((first, second), given[name], strict=True)), excludes=(first, second),
        make=lambda pair: lambda obs, action: tuple(q(obs, action) for q in pair),
    )  # fmt: skip


def _critic(number: int) -> Role:
    words = ("q{}_target", "qf{}_target", "target_q{}", "q{}_targ", "critic{}_target", "critic_{}_target",
             "target_qf{}", "target_critic{}", "q{}_t", "q_target{}", "critic{}", "qf{}")  # fmt: skip
    return plain(f"q{number}", *(word.format(number) for word in words))


def _online(number: int) -> Role:
    words = ("q{}", "qf{}", "critic{}", "critic_{}", "q{}_net", "qnet{}")
    return plain(f"q{number}_online", *(word.format(number) for word in words))


OBS = plain("obs", "observations", "state", "states", "s", "o", "observation", "ob")
NEXT_OBS = plain("next_obs", "next_observations", "next_state", "next_states", "s2", "o2", "next_observation", "obs2",
                 "s_next", "new_obs", "obs_next", "s_prime")  # fmt: skip
ACTION = plain("action", "actions", "act", "a", "acts")
TERMINATED = plain("terminated", "done", "dones", "terminal", "terminals", "d", "terminations", flags=True)
ACTOR = plain("actor", "policy", "pi", "agent", "actor_net", "policy_net", "ac", "sample", "pi_sample")
NOTHING = {
    "obs": lambda canonical: 0 * canonical["next_obs"],
    "action": lambda canonical: 0 * canonical["next_obs"][:, :1],
    "q1_online": lambda canonical: canonical["q1"],
    "q2_online": lambda canonical: canonical["q2"],
}

tame, stress, edges = cases.replayed_kinds()
SAC_BACKUP = Spec(
    name="sac_backup",
    formula="y = r + γ (1 − terminated) ( min(Q₁, Q₂)(s′, a′) − α log π(a′|s′) ), a′ = π(s′), Q of the target networks",
    source="Haarnoja et al. 2018, eq. 3 and 5",
    reference=sac_backup,
    outputs=("target",),
    tame=tame, stress=stress, edges=edges,
    roles=(
        OBS, ACTION, REWARD, NEXT_OBS, TERMINATED, GAMMA, ALPHA, LOG_ALPHA, ACTOR, _critic(1), _critic(2), _online(1),
        _online(2), _both("q1", "q2"), _both("q1_online", "q2_online"),
    ),
    absent=NOTHING,
)  # fmt: skip


# ---- C51 ----


def c51_target(reward, probs_online, probs_target, terminated, truncated, gamma, v_min, v_max):
    """The target network's distribution of its best action, moved onto the atoms.

    Checked in tests/oracle/specs/test_backups.py.

    >>> both, no = np.array([[[1.0, 0.0], [0.5, 0.5]]]), np.zeros(1, bool)  # means 0 and 1: the second action
    >>> c51_target(np.zeros(1), both, both, no, no, 1.0, 0.0, 2.0)
    array([[0.5, 0.5]])
    """
    best = distributional.categorical_mean(probs_target, v_min, v_max).argmax(axis=1)
    chosen = probs_target[np.arange(len(best)), best]
    return distributional.c51_projection(chosen, reward, terminated, truncated, gamma, v_min, v_max)


ATOMS = Role(
    "n_atoms", ("num_atoms", "atom_size", "n", "k", "atoms_num"), (), lambda case: case["probs_target"].shape[-1],
    lambda given: {},
)  # fmt: skip
SUPPORT = SUPPORT_TOO._replace(
    give=lambda case: np.linspace(case["v_min"], case["v_max"], case["probs_target"].shape[-1])
)
tame, stress, edges = cases.distribution_kinds()
C51_TARGET = Spec(
    name="c51_target",
    formula="r + γ (1 − terminated) z with p(s′, a*) on the atoms, a* = argmax_a Σ z p(s′, a), p the target network's",
    source="Bellemare et al. 2017, algorithm 1",
    reference=c51_target,
    outputs=("target_probs",),
    tame=tame, stress=stress, edges=edges,
    roles=(
        *TRANSITION,
        plain("probs_online", "online_probs", "next_probs_online", "next_dist_online", "online_pmfs", "online_dist",
              "next_pmfs_online", "next_dist"),
        plain("probs_target", "target_probs", "next_probs", "next_probs_target", "next_dist_target", "target_pmfs",
              "next_pmfs", "target_dist", "next_dist"),
        V_MIN, V_MAX, SUPPORT, ATOMS,
    ),
    absent=NOT_TRUNCATED | {"probs_online": lambda canonical: canonical["probs_target"]},
)  # fmt: skip
