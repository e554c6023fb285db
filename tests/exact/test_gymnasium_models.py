"""FrozenLake, CliffWalking and Taxi: read faithfully, solved, and played in the real environments.

Truth comes from outside the solvers: rational arithmetic (flint) for the slippery models, shortest paths (Dijkstra on
the raw model) for the deterministic ones.
"""

from fractions import Fraction

import gymnasium
import numpy as np
import pytest
from flint import fmpq, fmpq_mat
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from scipy.stats import binomtest

from scratchrl.exact.bellman import backup
from scratchrl.exact.evaluation import evaluate
from scratchrl.exact.finite_horizon import finite_horizon_values
from scratchrl.exact.linear_programming import linear_programming
from scratchrl.exact.mdp import from_gymnasium
from scratchrl.exact.solve import policy_iteration, value_iteration

MODELS = [
    ("FrozenLake-v1", {}),
    ("FrozenLake-v1", {"is_slippery": False}),
    ("FrozenLake-v1", {"success_rate": 0.8, "reward_schedule": (5, -2, 1)}),
    ("FrozenLake8x8-v1", {}),
    ("CliffWalking-v1", {}),
    ("CliffWalking-v1", {"is_slippery": True}),
    ("Taxi-v4", {}),
    ("Taxi-v4", {"is_rainy": True}),
    ("Taxi-v4", {"fickle_passenger": True}),
]


def make(name, **options):
    return gymnasium.make(name, disable_env_checker=True, **options)


@pytest.mark.parametrize(("name", "options"), MODELS)
def test_one_backup_of_any_function_is_the_raw_models_own(name, options):
    """Σ p (r + γ·(not terminated)·v(s')) over the raw list: fixes merging, rewards, endings and twins at once."""
    env = make(name, **options)
    mdp = from_gymnasium(env, gamma=0.9)
    model = env.unwrapped.P
    v = np.random.default_rng(0).normal(size=len(mdp.start))
    q = backup(mdp, v)
    for s in np.flatnonzero(~mdp.terminal):
        for a, rows in model[s].items():
            plain = sum(p * (r + 0.9 * (not ended) * v[t]) for p, t, r, ended in rows)
            assert q[s, a] == pytest.approx(plain, rel=1e-13, abs=1e-13)


@pytest.mark.parametrize(("name", "options"), MODELS)
def test_terminal_states_are_those_never_entered_alive(name, options):
    env = make(name, **options)
    mdp = from_gymnasium(env)
    size = len(env.unwrapped.P)
    twins = len(mdp.start) - size
    assert twins == (4 if name.startswith("Taxi") else 0)
    assert mdp.terminal[size:].all()
    np.testing.assert_array_equal(mdp.start[:size], env.unwrapped.initial_state_distrib)
    alive = np.flatnonzero(~mdp.terminal[:size]).tolist()
    rows = [(s, *row) for s in alive for outcomes in env.unwrapped.P[s].values() for row in outcomes]
    entered_alive = {t for s, p, t, _, ended in rows if p > 0 and not ended and s != t}
    assert not entered_alive & set(np.flatnonzero(mdp.terminal).tolist())


def test_merged_rewards_are_conditional_means():
    """Slippery cliff at the start, action down: the left and down moves hit a wall (−1), right falls off (−100)."""
    mdp = from_gymnasium(make("CliffWalking-v1", is_slippery=True))
    assert mdp.transition[36, 2, 36] == pytest.approx(1.0)
    assert mdp.reward[36, 2, 36] == pytest.approx((-1 - 1 - 100) / 3)
    assert set(np.unique(from_gymnasium(make("CliffWalking-v1")).reward)) == {-100.0, -1.0, 0.0}


# ---- slippery: rational arithmetic ----


def rational_q(model, gamma, value):
    """Q of a value function, with the probabilities and rewards the floats stand for (thirds, hundredths)."""
    return [
        [
            sum(
                (Fraction(p).limit_denominator(100) * (Fraction(r) + gamma * (0 if ended else value[t])))
                for p, t, r, ended in model[s][a]
            )
            for a in model[s]
        ]
        for s in model
    ]


def rational_value(model, gamma, terminal, action):
    """V^π of a deterministic policy, solved over the rationals."""
    size = len(model)
    matrix = [[Fraction(int(s == t)) for t in range(size)] for s in range(size)]
    right = [Fraction(0)] * size
    for s in np.flatnonzero(~terminal).tolist():
        for p, t, r, ended in model[s][int(action[s])]:
            p = Fraction(p).limit_denominator(100)
            right[s] += p * Fraction(r)
            matrix[s][t] -= 0 if ended else p * gamma
    to_flint = np.vectorize(lambda x: fmpq(x.numerator, x.denominator), otypes=[object])
    solution = fmpq_mat(to_flint(matrix).tolist()).solve(fmpq_mat(to_flint([[x] for x in right]).tolist()))
    return [Fraction(int(solution[s, 0].p), int(solution[s, 0].q)) for s in range(size)]


@pytest.mark.parametrize("gamma", [Fraction(99, 100), Fraction(1)])
@pytest.mark.parametrize("name", ["FrozenLake-v1", "FrozenLake8x8-v1"])
def test_frozen_lake_is_optimal_in_exact_arithmetic(name, gamma):
    """The policy found satisfies V = max_a Q over the rationals, exactly: V* proven, then compared in every state."""
    model = make(name).unwrapped.P
    mdp = from_gymnasium(make(name), gamma=float(gamma))
    solution = policy_iteration(mdp)
    exact = rational_value(model, gamma, mdp.terminal, solution.policy.argmax(axis=1))
    q = rational_q(model, gamma, exact)
    assert all(max(q[s]) == exact[s] for s in np.flatnonzero(~mdp.terminal))
    np.testing.assert_allclose(solution.value, np.array(exact, float), rtol=0, atol=min(solution.error, 1e-12))
    if name == "FrozenLake-v1":
        assert float(exact[0]) == pytest.approx(0.5420259, abs=1e-7) if gamma < 1 else exact[0] == Fraction(14, 17)


def test_slippery_frozen_lake_is_won_as_often_as_the_exact_solution_says():
    """4000 episodes of the real environment, its limit of 100 steps included in the exact probability.

    Two-sided binomial test at 1e-6: one fresh seed in a million would fail a correct solution.
    """
    env = make("FrozenLake-v1")
    mdp = from_gymnasium(env)
    policy = policy_iteration(mdp).policy
    exact = finite_horizon_values(mdp, policy, env.spec.max_episode_steps)[0][0, 0]
    wins = sum(play(env, policy, seed) for seed in range(4000))
    assert binomtest(int(wins), 4000, exact).pvalue > 1e-6
    assert binomtest(int(wins), 4000, 14 / 17).pvalue < 1e-6  # the test can fail: without the limit it is 14/17


# ---- deterministic: shortest paths ----


def play(env, policy, seed, state=None):
    """The return of one episode in the real environment."""
    observation, _ = env.reset(seed=seed)
    if state is not None:
        env.unwrapped.s = observation = state
    total, over = 0.0, False
    while not over:
        observation, reward, terminated, truncated, _ = env.step(int(policy[observation].argmax()))
        total, over = total + reward, terminated or truncated
    return total


def shortest_path_values(model, last_reward):
    """last_reward − (least sum of −r before the terminated transition), per state: Dijkstra, no Bellman equation."""
    size = len(model)
    best = {}
    for s, actions in model.items():
        for (_, t, r, ended), *_ in actions.values():
            key = (int(size if ended else t), int(s))  # reversed arc, for distances *to* the end
            best[key] = min(best.get(key, np.inf), 1e-300 if ended else -float(r))
    rows, columns = np.array(list(best)).T
    graph = coo_array((list(best.values()), (rows, columns)), shape=(size + 1, size + 1)).tocsr()
    return last_reward - dijkstra(graph, indices=size)[:size]


@pytest.mark.parametrize(("name", "last_reward"), [("CliffWalking-v1", -1.0), ("Taxi-v4", 20.0)])
def test_deterministic_models_are_shortest_paths_and_their_policies_walk_them(name, last_reward):
    env = make(name)
    mdp = from_gymnasium(env)
    size = len(env.unwrapped.P)
    solution = policy_iteration(mdp)
    truth = np.where(mdp.terminal[:size], 0.0, shortest_path_values(env.unwrapped.P, last_reward))
    np.testing.assert_allclose(solution.value[:size], truth, rtol=0, atol=1e-11)
    assert np.isfinite(solution.error)
    for start in np.flatnonzero(mdp.start > 0):
        assert play(env, solution.policy, seed=0, state=int(start)) == truth[start]


def test_known_numbers():
    cliff = policy_iteration(from_gymnasium(make("CliffWalking-v1")))
    assert cliff.value[36] == pytest.approx(-13.0, abs=1e-12)
    taxi = from_gymnasium(make("Taxi-v4"))
    assert taxi.start @ policy_iteration(taxi).value == pytest.approx(7.93, abs=1e-12)
    dry = make("FrozenLake-v1", is_slippery=False)
    solution = policy_iteration(from_gymnasium(dry, 0.99))
    assert solution.value[0] == pytest.approx(0.99**5)
    assert play(dry, solution.policy, seed=0) == 1.0


@pytest.mark.parametrize("gamma", [0.99, 1.0])
@pytest.mark.parametrize(("name", "options"), MODELS[:7])
def test_policy_iteration_value_iteration_and_linear_programming_agree(name, options, gamma):
    mdp = from_gymnasium(make(name, **options), gamma)
    if gamma == 1.0 and options.get("reward_schedule"):
        with pytest.raises(ValueError, match="infinite"):
            policy_iteration(mdp)
        return
    solution = policy_iteration(mdp)
    np.testing.assert_allclose(linear_programming(mdp).value, solution.value, rtol=0, atol=1e-10)
    if gamma < 1.0 or np.isfinite(solution.error):
        np.testing.assert_allclose(value_iteration(mdp, 1e-10).value, solution.value, rtol=0, atol=1e-10)
    np.testing.assert_allclose(evaluate(mdp, linear_programming(mdp).policy), solution.value, rtol=0, atol=1e-10)
