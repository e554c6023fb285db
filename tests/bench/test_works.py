"""Every row: ours and each installed peer compute the same thing, and the limits stand where targets name them."""

import subprocess
import sys
import warnings

import numpy as np
import pytest

from scratchrl.bench import answers, curvature, learning, threads, training
from scratchrl.bench.work import LIMITS, Work, all_works, ready

WORKS = all_works()
COMPARED = [work for work in WORKS if work.tolerance is not None]


def test_rows_have_names_of_their_own_and_ours_comes_first():
    assert len({(work.name, work.threads) for work in WORKS}) == len(WORKS)
    for work in WORKS:
        assert next(iter(work.contenders)) == "ours", work.name
        for other in (work.targets, work.amount, work.answers):
            assert set(other) <= set(work.contenders), work.name
        assert work.group == work.group.lower()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("work", COMPARED, ids=lambda work: f"{work.name}, {work.threads}")
def test_contenders_compute_the_same(work):
    with warnings.catch_warnings(), threads.limited(1):
        warnings.simplefilter("ignore")
        found = answers.disagreement(work)
    if not found:
        pytest.skip("no peer is installed")
    assert all(distance <= work.tolerance for distance in found.values()), found


def test_a_different_answer_is_seen():
    def row(**contenders):
        setups = {name: (lambda value=value: lambda: value) for name, value in contenders.items()}
        return Work("row", "group", setups, {}, tolerance=0.0)

    assert answers.disagreement(row(ours=np.array([1.0, 2.0]), peer=np.array([1.0, 2.5]))) == {"peer": 0.25}
    assert answers.disagreement(row(ours=np.ones(2), peer=np.ones(3))) == {"peer": np.inf}
    assert answers.disagreement(row(ours=np.ones(2), peer=np.ones(2), sgemm=np.ones(9))) == {"peer": 0.0}


def test_the_operations_of_a_product_are_counted():
    """J v: h dW for every layer, dh W for all but the first; Jᵀ u the same; two operations for a row and a weight."""
    layers = [17 * 64, 64 * 64, 64 * 6]
    forward = sum(layers) + sum(layers[1:])
    assert curvature.operations() == 2 * 2 * forward * curvature.ROWS


def test_a_run_reaches_its_goal_once_for_both_rows():
    goal = learning.Goal("CartPole-v1", 20.0, 5, 100_000)
    first = learning.ours("ppo", goal, 0)
    assert 0 < first.steps <= 10_000
    assert first.seconds > 0
    assert learning.ours("ppo", goal, 0) is first


BATCHES = {  # rows that an update waits for
    "train PPO, CartPole-v1, 1 env": 2048, "train PPO, CartPole-v1, 8 envs": 8 * 2048,
    "train TRPO, CartPole-v1, 1 env": 2048, "train A2C, CartPole-v1, 1 env": 5, "train A2C, CartPole-v1, 8 envs": 40,
    "train DQN, CartPole-v1, 1 env": 4, "train SAC, Pendulum-v1, 1 env": 1,
}  # fmt: skip


def test_environments_alone_and_ours_count_the_same_steps():
    """One turn of each: whole batches, so that `amount` is what is played."""
    for work in training.WORKS:
        assert work.amount["ours"] == work.amount["environment"]
        assert all(steps % BATCHES[work.name] == 0 for steps in work.amount.values()), work.name
        assert min(work.amount.values()) * training.WARM_UP >= 100


def test_listing_the_rows_loads_no_peer():
    code = "from scratchrl.bench.work import all_works; all_works(); import sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "jax", "rlax", "stable_baselines3", "numba"} & set(loaded)


def test_limits_are_always_there():
    for work in WORKS:
        limits = {name: setup for name, setup in work.contenders.items() if name in LIMITS and work.group != "training"}
        assert not ready(limits)[1], work.name
