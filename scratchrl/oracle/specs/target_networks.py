"""The spec of a target network: where it begins, when it moves, and what of it."""

import numpy as np

from scratchrl.maths.targets import polyak_update
from scratchrl.oracle.cases import target_networks as cases
from scratchrl.oracle.roles import Role, plain
from scratchrl.oracle.specification import Identity, Spec
from scratchrl.oracle.specs.plumbing import KEPT
from scratchrl.oracle.specs.trajectory_identities import first


def target_network(online, own, statistics, num_envs, train_every, target_every, tau):
    """The target network after each of T steps, from a history of the one that learns.

        θ⁻_0 = θ_0                                                                          (1)
        θ⁻_t = τ θ_t + (1 − τ) θ⁻_{t−1}   when a multiple of target_every has been passed   (2)

    Args:
      online: θ (T + 1, D), in the beginning and after each step of num_envs environments, with the training there was;
      own: (D,), what the target network was initialised with by itself;
      statistics: (T + 1, S), running means and variances of θ's batch normalisation, which are copied whole;
      train_every: environment steps between two trainings: θ is the same in between.
    Returns:
      θ⁻ (T, D) and its statistics (T, S).

    Checked in tests/oracle/specs/test_target_networks.py.

    >>> online, none = np.array([[0.0], [4.0], [8.0], [8.0]]), np.zeros((4, 0))
    >>> target_network(online, np.zeros(1), none, 1, train_every=1, target_every=2, tau=0.5)[0].tolist()
    [[0.0], [4.0], [4.0]]
    """
    target, kept, found = online[0], statistics[0], []  # (1)
    for t in range(1, len(online)):
        if num_envs * t // target_every > num_envs * (t - 1) // target_every:
            target, kept = polyak_update(online[t], target, tau), statistics[t]  # (2)
        found.append((target, kept))
    targets, statistics = zip(*found, strict=True)
    return np.stack(targets), np.stack(statistics)


def copies(f, online, tau, target_every, num_envs, **case):
    """At τ = 1, moving in every step: f − θ."""
    return first(f(online=online, tau=1.0, target_every=1, num_envs=num_envs, **case)) - online[1:]


def stays(f, online, tau, **case):
    """At τ = 0: f − θ_0."""
    return first(f(online=online, tau=0.0, **case)) - online[0]


def whatever_it_had(f, own, **case):
    """f(own + 1) − f(own)."""
    return first(f(own=own + 1, **case)) - first(f(own=own, **case))


HISTORY = ("params", "params_history", "theta", "thetas", "q_params", "q", "online_params", "weights", "network")
ROLES = (
    plain("online", *HISTORY),
    plain("own", "init_target", "target_init", "initial_target", "target0", "theta_target0", "target_params", "target"),
    plain("statistics", "stats", "running", "running_stats", "buffers", "batch_norm_stats", "bn_stats", "bn"),
    plain("num_envs", "n_envs", "envs", "nenvs", "num_env", "n_env"),
    plain("train_every", "train_frequency", "train_freq", "train_period", "update_every", "update_period",
          "train_interval", "learn_every"),
    plain("target_every", "target_network_frequency", "target_update_interval", "target_update_freq", "target_freq",
          "target_update_period", "target_update_frequency", "target_update", "copy_every", "sync_every",
          "target_update_every", "sync_freq", "target_interval", "target_period", "update_target_every"),
    plain("tau", "soft_tau", "polyak_tau", "soft_update_tau", "target_tau"), KEPT,
    Role("learning_starts", ("learn_start", "start_steps", "warmup", "learning_start", "train_start"), (),
         lambda case: 0, lambda given: {}),
)  # fmt: skip
ABSENT = {
    "own": lambda canonical: 0 * canonical["online"][0],
    "statistics": lambda canonical: np.zeros((len(canonical["online"]), 0)),
    "num_envs": lambda canonical: 1,
    "train_every": lambda canonical: 1,
    "target_every": lambda canonical: 1,
    "tau": lambda canonical: 1.0,
}

tame, stress, edges = cases.kinds()
TARGET_NETWORK = Spec(
    name="target_network",
    formula="θ⁻_0 = θ_0;  θ⁻ ← τ θ + (1 − τ) θ⁻ whenever a multiple of target_every environment steps has been passed",
    source="Mnih et al. 2015; Lillicrap et al. 2016",
    reference=target_network,
    outputs=("target", "statistics"),
    tame=tame, stress=stress, edges=edges,
    roles=ROLES,
    absent=ABSENT,
    identities=(
        Identity("τ = 1 copies", copies),
        Identity("τ = 0 keeps the first parameters", stays),
        Identity("what it was initialised with by itself does not matter", whatever_it_had),
    ),
)  # fmt: skip
