"""Mistakes of target networks: when they move, from where, and what stays behind."""

import numpy as np

from scratchrl.maths.targets import polyak_update
from scratchrl.oracle.mistake import BUG, CONVENTION, EITHER, mistake

SPEC = "target_network"


def moved(online, tau, due, start, one_late=False):
    """θ⁻ after each step, moved where it is due; towards the parameters before the step if `one_late`."""
    target, found = start, []
    for t in range(1, len(online)):
        target = polyak_update(online[t - one_late], target, tau) if due[t - 1] else target
        found.append(target)
    return np.stack(found)


def passed(num_envs, period, steps):
    """(T,) whether a multiple of the period has been passed in a step."""
    ends = num_envs * np.arange(1, steps + 1)
    return ends // period > (ends - num_envs) // period


def timed(online, statistics, tau, due, **options):
    """Both outputs, moved where it is due."""
    return moved(online, tau, due, online[0], **options), moved(statistics, 1.0, due, statistics[0])


@mistake("target-sync-missed", SPEC, BUG)
def steps_over_it(target_network, online, own, statistics, num_envs, train_every, target_every, tau):
    """θ⁻ moves when target_every divides t

    With several environments t goes up by their number and steps over most multiples. Compare what was passed.
    """
    return timed(online, statistics, tau, num_envs * np.arange(1, len(online)) % target_every == 0)


@mistake("target-sync-cadence", SPEC, BUG, "vwxyzjn/cleanrl#323")
def only_where_it_trains(target_network, online, own, statistics, num_envs, train_every, target_every, tau):
    """θ⁻ moves when target_every divides t and it is time to train

    The copy stands inside the branch that trains: it happens at the common multiples of both periods only. Move it out.
    """
    t = num_envs * np.arange(1, len(online))
    return timed(online, statistics, tau, (t % target_every == 0) & (t % train_every == 0))


@mistake("target-sync-calls", SPEC, EITHER)
def counted_in_calls(target_network, num_envs, **case):
    """θ⁻ moves when target_every steps of all environments together have been made

    One step of num_envs environments is counted as one: the target is num_envs times as old as with one environment.
    """
    return target_network(num_envs=1, **case)


@mistake("target-sync-updates", SPEC, CONVENTION)
def counted_in_trainings(target_network, online, own, statistics, num_envs, train_every, target_every, tau):
    """θ⁻ moves after every target_every trainings

    The period is in gradient steps, as in the paper of DQN, not in steps of the environment.
    """
    trains = passed(num_envs, train_every, len(online) - 1)
    return timed(online, statistics, tau, trains & (np.cumsum(trains) % target_every == 0))


@mistake("target-sync-every-training", SPEC, BUG, "sebtheiler/tutorials#6")
def moves_whenever_it_trains(target_network, num_envs, train_every, target_every, **case):
    """θ⁻ moves whenever θ does

    The period of training is used for both: the target is no older than the network. Use a period of its own.
    """
    return target_network(num_envs=num_envs, train_every=train_every, target_every=train_every, **case)


@mistake("target-sync-first", SPEC, CONVENTION)
def moved_before_the_training(target_network, online, own, statistics, num_envs, train_every, target_every, tau):
    """θ⁻ ← τ θ_{t−1} + (1 − τ) θ⁻

    The target moves before the training of its step: it is one training older.
    """
    due = passed(num_envs, target_every, len(online) - 1)
    before = np.concatenate([statistics[:1], statistics[:-1]])
    return moved(online, tau, due, online[0], one_late=True), moved(before, 1.0, due, statistics[0])


@mistake("target-soft-init", SPEC, BUG, "rail-berkeley/softlearning#18")
def begun_with_a_soft_update(target_network, online, own, statistics, num_envs, train_every, target_every, tau):
    """θ⁻_0 = τ θ_0 + (1 − τ) θ′

    The target begins with a soft update of its own random parameters θ′, and hardly knows the network. Copy once.
    """
    start = polyak_update(online[0], own, tau)
    due = passed(num_envs, target_every, len(online) - 1)
    return moved(online, tau, due, start), moved(statistics, 1.0, due, statistics[0])


@mistake("target-not-initialised", SPEC, BUG)
def begun_with_its_own(target_network, online, own, statistics, num_envs, train_every, target_every, tau):
    """θ⁻_0 = θ′

    The target begins with random parameters of its own. Copy the network's.
    """
    due = passed(num_envs, target_every, len(online) - 1)
    return moved(online, tau, due, own), moved(statistics, 1.0, due, statistics[0])


@mistake("target-bn-stats", SPEC, BUG, "DLR-RM/stable-baselines3#1004")
def statistics_left_behind(target_network, statistics, **case):
    """statistics of θ⁻ := those of the beginning

    Running means and variances are no parameters, and a loop over parameters leaves them out. Copy them too.
    """
    target, _ = target_network(statistics=statistics, **case)
    return target, np.stack([statistics[0]] * len(target))


@mistake("target-bn-averaged", SPEC, CONVENTION)
def statistics_averaged(target_network, online, statistics, tau, **case):
    """statistics of θ⁻ ← τ statistics of θ + (1 − τ) statistics of θ⁻

    Averaged like the parameters, instead of copied.
    """
    target, _ = target_network(online=online, statistics=statistics, tau=tau, **case)
    averaged, _ = target_network(online=statistics, statistics=statistics, tau=tau, **case | {"own": statistics[0]})
    return target, averaged


@mistake("polyak-swapped", SPEC, BUG, "MADDPG_Multi_UAV_Roundup#10", "mimoralea/gdrl#14", "medipixel#47", "rlevo#182")
def shares_swapped(target_network, tau, **case):
    """θ⁻ ← (1 − τ) θ + τ θ⁻

    τ and 1 − τ have changed places: with τ = 0.005 the target all but copies.
    """
    return target_network(tau=1 - tau, **case)


@mistake("polyak-tau-ignored", SPEC, BUG)
def copied(target_network, tau, **case):
    """θ⁻ ← θ

    A hard copy where a soft update was asked for.
    """
    return target_network(tau=1.0 + 0 * tau, **case)


@mistake("target-network-aliased", SPEC, BUG)
def the_same_network(target_network, online, statistics, **case):
    """θ⁻ = θ

    Both names belong to one network, or its arrays: there is no target network. Copy, and copy deeply.
    """
    return online[1:], statistics[1:]
