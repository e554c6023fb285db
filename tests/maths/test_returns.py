"""Returns and advantages against their definitions as sums over explicit windows, written with no recursion.

A window starts at t and goes on until a flag or the end of the array. Every definition below walks windows; every
function under test scans. Bounds are relative to the largest number in play.
"""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.maths import kernels, off_policy, returns
from scratchrl.oracle import strategies

DISCOUNTS = st.floats(0, 1)


def near(got, truth, bound=1e-13):
    np.testing.assert_allclose(got, truth, rtol=0, atol=bound * max(100.0, np.abs(truth).max(initial=0)))


def streams(function, *arrays):
    """function on each stream apart, arrays (T,) or (T, N)."""
    if arrays[0].ndim == 1:
        return function(*arrays)
    return np.stack([function(*columns) for columns in zip(*(array.T for array in arrays), strict=True)], axis=1)


def windows(terminated, truncated):
    """For each t the rows from t to the end of its episode, or of the array."""
    done = terminated | truncated
    for t in range(len(done)):
        end = next((k for k in range(t, len(done)) if done[k]), len(done) - 1)
        yield range(t, end + 1)


def n_step(reward, next_value, terminated, truncated, gamma, n):
    """Σ_{k<j} γ^k r_{t+k} + γ^j v′ of the last row used, unless that row terminated."""
    targets = []
    for window in windows(terminated, truncated):
        rows = window[:n]
        rewards = sum(gamma**k * reward[i] for k, i in enumerate(rows))
        targets.append(rewards + gamma ** len(rows) * (0 if terminated[rows[-1]] else next_value[rows[-1]]))
    return np.array(targets)


def definition(function, trajectory, *rest):
    """A definition over one stream, applied to (reward, next_value, flags) of every stream of a trajectory."""
    reward, _, next_value, terminated, truncated, *_ = trajectory
    return streams(lambda *a: function(*a, *rest), reward, next_value, terminated, truncated)


# ---- discounted sums ----


@given(strategies.trajectories(), DISCOUNTS)
def test_discounted_return_is_the_sum_of_powers(trajectory, gamma):
    reward = trajectory.reward
    near(returns.discounted_return(reward, gamma), sum(gamma**t * r for t, r in enumerate(reward)))
    assert returns.discounted_return(reward[:0], gamma).shape == reward.shape[1:]


@given(strategies.trajectories(), DISCOUNTS)
def test_reward_to_go_is_the_sum_over_the_rest_of_the_episode(trajectory, gamma):
    def plain(reward, _, terminated, truncated):
        return np.array(
            [sum(gamma**k * reward[i] for k, i in enumerate(rows)) for rows in windows(terminated, truncated)]
        )

    reward, _, _, terminated, truncated, *_ = trajectory
    near(returns.reward_to_go(reward, terminated, truncated, gamma), definition(plain, trajectory))


@given(strategies.trajectories(), DISCOUNTS)
def test_total_return_is_the_reward_to_go_of_the_episodes_first_row(trajectory, gamma):
    def plain(reward, _, terminated, truncated):
        done, totals, first = terminated | truncated, [], 0
        for t, rows in enumerate(windows(terminated, truncated)):
            first = t if t == 0 or done[t - 1] else first
            totals.append(sum(gamma ** (i - first) * reward[i] for i in range(first, rows[-1] + 1)))
        return np.array(totals)

    reward, _, _, terminated, truncated, *_ = trajectory
    near(returns.total_return(reward, terminated, truncated, gamma), definition(plain, trajectory))


@given(strategies.trajectories(), st.floats(-1, 1))
def test_reverse_scan_is_linear_and_takes_a_decay_that_broadcasts(trajectory, decay):
    x, y = trajectory.reward, trajectory.value
    scan = returns.reverse_scan
    near(scan(2 * x - y, np.asarray(decay)), 2 * scan(x, np.asarray(decay)) - scan(y, np.full(x.shape, decay)))
    assert returns.reverse_scan(x[:0], np.asarray(decay)).shape == x[:0].shape
    flat = x.reshape(len(x), -1)
    np.testing.assert_array_equal(
        scan(x, np.asarray(decay)), kernels.reverse_scan_py(flat, np.full_like(flat, decay)).reshape(x.shape)
    )


def test_the_decay_is_rounded_to_the_precision_of_what_it_decays():
    x, decay = np.random.default_rng(0).standard_normal((2, 50, 3))
    x = x.astype(np.float32)
    np.testing.assert_array_equal(returns.reverse_scan(x, decay), returns.reverse_scan(x, decay.astype(np.float32)))


# ---- n-step and λ-returns ----


@given(strategies.trajectories(), st.integers(1, 10))
def test_n_step_return_is_a_sum_over_explicit_windows(trajectory, n):
    reward, _, next_value, terminated, truncated, gamma, _ = trajectory
    got = returns.n_step_return(reward, next_value, terminated, truncated, gamma, n)
    near(got, definition(n_step, trajectory, gamma, n))


@given(strategies.trajectories())
def test_one_step_is_td_and_many_steps_are_monte_carlo(trajectory):
    reward, _, next_value, terminated, truncated, gamma, _ = trajectory
    one = returns.n_step_return(reward, next_value, terminated, truncated, gamma, 1)
    near(one, reward + gamma * np.where(terminated, 0, next_value))
    many = returns.n_step_return(reward, 0 * next_value, terminated, truncated, gamma, len(reward))
    near(many, returns.reward_to_go(reward, terminated, truncated, gamma))


@given(strategies.trajectories())
def test_lambda_return_is_the_mixture_of_n_step_returns(trajectory):
    """(1−λ) Σ_{n<L} λ^{n−1} G⁽ⁿ⁾ + λ^{L−1} G⁽ᴸ⁾ where L is the length of the window."""
    reward, _, next_value, terminated, truncated, gamma, lam = trajectory

    def plain(reward, next_value, terminated, truncated):
        of_n = [n_step(reward, next_value, terminated, truncated, gamma, n) for n in range(1, len(reward) + 1)]
        mixed = []
        for t, rows in enumerate(windows(terminated, truncated)):
            longest = len(rows)
            short = sum((1 - lam) * lam ** (n - 1) * of_n[n - 1][t] for n in range(1, longest))
            mixed.append(short + lam ** (longest - 1) * of_n[longest - 1][t])
        return np.array(mixed)

    got = returns.lambda_return(reward, next_value, terminated, truncated, gamma, lam)
    near(got, definition(plain, trajectory))


# ---- GAE ----


@given(strategies.trajectories())
def test_gae_is_the_discounted_sum_of_td_errors(trajectory):
    reward, value, next_value, terminated, truncated, gamma, lam = trajectory
    delta = reward + gamma * np.where(terminated, 0, next_value) - value

    def plain(delta, terminated, truncated):
        weighted = (
            sum((gamma * lam) ** k * delta[i] for k, i in enumerate(rows)) for rows in windows(terminated, truncated)
        )
        return np.array(list(weighted))

    near(returns.gae(*trajectory), streams(plain, delta, terminated, truncated))
    near(returns.gae(*trajectory[:-1], 0.0), delta)


@given(strategies.trajectories(rollout=True))
def test_gae_at_lambda_one_is_the_bootstrapped_return_minus_the_value(trajectory):
    monte_carlo = definition(n_step, trajectory, trajectory.gamma, len(trajectory.reward))
    near(returns.gae(*trajectory[:-1], 1.0), monte_carlo - trajectory.value)


@given(strategies.trajectories(rollout=True))
def test_gae_plus_value_is_the_lambda_return_on_collected_data(trajectory):
    reward, value, next_value, terminated, truncated, gamma, lam = trajectory
    target = returns.lambda_return(reward, next_value, terminated, truncated, gamma, lam)
    near(returns.gae(*trajectory) + value, target)


@given(strategies.trajectories(), DISCOUNTS)
def test_an_exact_value_function_leaves_no_advantage(trajectory, lam):
    """Constant reward 1 for ever is worth 1/(1 − γ); at a terminal row the last reward is all there is."""
    gamma, ones = 0.75, np.ones_like(trajectory.reward)
    value = np.where(trajectory.terminated, 1.0, 4.0)
    advantage = returns.gae(ones, value, 4 * ones, trajectory.terminated, trajectory.truncated, gamma, lam)
    assert not advantage.any()


@given(strategies.trajectories(), strategies.trajectories(), st.floats(-5, 5))
def test_gae_is_linear_and_turns_rewards_scaled_into_advantages_scaled(one, other, c):
    rows = min(len(one.reward), len(other.reward))
    first, second = (np.stack([t.reshape(len(t), -1)[:rows, 0] for t in tr[:3]]) for tr in (one, other))
    flags = [flag.reshape(len(flag), -1)[:rows, 0] for flag in one[3:5]]
    rest = (*flags, one.gamma, one.lam)
    near(returns.gae(*(c * first - second), *rest), c * returns.gae(*first, *rest) - returns.gae(*second, *rest))


# ---- cuts: every function of a trajectory at once ----

N_STEPS = 3
ON_TRAJECTORIES = {
    "reward_to_go": lambda r, v, w, *rest: returns.reward_to_go(r, *rest[:3]),
    "n_step_return": lambda r, v, w, d, c, g, lam: returns.n_step_return(r, w, d, c, g, N_STEPS),
    "lambda_return": lambda r, v, w, *rest: returns.lambda_return(r, w, *rest),
    "gae": returns.gae,
    "vtrace_vs": lambda r, v, *rest: off_policy.vtrace(v / 5, r, v, *rest)[0],
    "vtrace_advantage": lambda r, v, *rest: off_policy.vtrace(v / 5, r, v, *rest)[1],
    "total_return": lambda r, v, w, *rest: returns.total_return(r, *rest[:3]),
}
EVERY = pytest.mark.parametrize("name", ON_TRAJECTORIES)
CAUSAL = pytest.mark.parametrize("name", [name for name in ON_TRAJECTORIES if name != "total_return"])
FLAGS = pytest.mark.parametrize("flags", [(True, False), (False, True), (True, True)])


@FLAGS
@EVERY
@given(strategies.trajectories(streams=2, steps=4), strategies.trajectories(streams=2))
def test_an_episode_that_ended_does_not_know_what_follows(name, flags, first, second):
    function, settings = ON_TRAJECTORIES[name], first[5:]
    first.terminated[-1], first.truncated[-1] = flags
    both = [np.concatenate(pair) for pair in zip(first[:5], second[:5], strict=True)]
    apart = [function(*trajectory[:5], *settings) for trajectory in (first, second)]
    np.testing.assert_array_equal(function(*both, *settings), np.concatenate(apart))


@CAUSAL
@given(strategies.trajectories(streams=0), st.data())
def test_the_past_does_not_change_the_future(name, trajectory, data):
    t = data.draw(st.integers(0, len(trajectory.reward) - 1))
    before = ON_TRAJECTORIES[name](*trajectory)
    for array in trajectory[:3]:
        array[:t] += 1.0
    np.testing.assert_array_equal(ON_TRAJECTORIES[name](*trajectory)[t:], before[t:])


@EVERY
@given(strategies.trajectories(streams=3))
def test_streams_do_not_mix(name, trajectory):
    function, settings = ON_TRAJECTORIES[name], trajectory[5:]
    together = function(*trajectory)
    for n in range(3):
        np.testing.assert_array_equal(function(*(array[:, n] for array in trajectory[:5]), *settings), together[:, n])


@EVERY
@given(strategies.trajectories(streams=0))
def test_what_follows_a_terminal_state_is_never_read(name, trajectory):
    trajectory.terminated[-1] = True
    before = ON_TRAJECTORIES[name](*trajectory)
    trajectory.next_value[trajectory.terminated] = 77.0
    np.testing.assert_array_equal(ON_TRAJECTORIES[name](*trajectory), before)


@given(strategies.trajectories(streams=0), st.floats(-5, 5))
def test_a_truncation_is_a_continuation_by_the_value_it_bootstraps_from(trajectory, v):
    """Ending at a truncation with V = v is going on to one more row that pays v and terminates, at γ = λ = 1."""
    reward, _, next_value, terminated, truncated, *_ = trajectory
    terminated[:], truncated[:] = False, False
    truncated[-1], next_value[-1] = True, v
    cut = returns.n_step_return(reward, next_value, terminated, truncated, 1.0, len(reward))
    reward, flags = np.append(reward, v), np.zeros(len(reward) + 1, bool)
    near(cut, returns.reward_to_go(reward, flags, flags, 1.0)[:-1])


# ---- V-trace ----


@given(strategies.trajectories(rollout=True))
def test_vtrace_on_policy_is_the_lambda_return(trajectory):
    reward, _, next_value, terminated, truncated, gamma, lam = trajectory
    vs, _ = off_policy.vtrace(0 * reward, *trajectory)
    near(vs, returns.lambda_return(reward, next_value, terminated, truncated, gamma, lam))


@given(strategies.trajectories(rollout=True), st.data(), st.floats(0.25, 4), st.floats(0.25, 4))
def test_vtrace_is_the_double_sum_of_the_paper(trajectory, data, rho_bar, c_bar):
    """vs_s = V(s_s) + Σ_t γ^{t−s} (Π_{i=s}^{t−1} λ min(c̄, ρ_i)) min(ρ̄, ρ_t) δ_t; A from the vs of the next row."""
    log_rho = data.draw(strategies.arrays(trajectory.reward.shape, low=-2.0, high=2.0))
    gamma, lam = trajectory.gamma, trajectory.lam

    def plain(log_rho, reward, value, next_value, terminated, truncated):
        ratio, vs, advantage = np.exp(log_rho), [], []
        rho, c = np.minimum(ratio, rho_bar), lam * np.minimum(ratio, c_bar)
        bootstrap = np.where(terminated, 0, next_value)
        for rows in windows(terminated, truncated):
            terms = (
                gamma ** (t - rows[0]) * c[rows[0] : t].prod() * rho[t] * (reward[t] + gamma * bootstrap[t] - value[t])
                for t in rows
            )
            vs.append(value[rows[0]] + sum(terms))
        for s, rows in enumerate(windows(terminated, truncated)):
            following = vs[s + 1] if len(rows) > 1 else bootstrap[s]
            advantage.append(rho[s] * (reward[s] + gamma * following - value[s]))
        return np.stack([vs, advantage], axis=1)

    got = off_policy.vtrace(log_rho, *trajectory, rho_bar, c_bar)
    if log_rho.ndim == 1:
        near(np.stack(got, axis=1), plain(log_rho, *trajectory[:5]))
    else:
        for n in range(log_rho.shape[1]):
            column = [array[:, n] for array in (log_rho, *trajectory[:5])]
            near(np.stack([part[:, n] for part in got], axis=1), plain(*column))


def test_vtrace_cuts_ratios_at_one_and_mixes_all_windows_unless_told_otherwise():
    rng, no = np.random.default_rng(0), np.zeros(5, bool)
    arrays = (np.array([0.5, -0.5, 0.2, 0.9, -0.1]), *rng.standard_normal((3, 5)), no, no, 0.9)
    for usual, told in zip(off_policy.vtrace(*arrays), off_policy.vtrace(*arrays, 1.0, 1.0, 1.0), strict=True):
        np.testing.assert_array_equal(usual, told)


# ---- normalisation ----


@pytest.mark.parametrize("shape", [(12,), (3, 4)])
@given(strategies.arrays(12), st.floats(0.125, 8), st.floats(-8, 8))
def test_normalised_advantages_have_mean_zero_variance_one_and_no_memory_of_scale(shape, advantage, c, shift):
    advantage = (advantage + np.arange(12.0)).reshape(shape)  # never nearly constant
    normal = returns.normalize_advantage(advantage)
    near(normal.mean(), 0.0, 1e-15)
    near((normal**2).mean(), 1.0, 1e-15)
    near(returns.normalize_advantage(c * advantage + shift), normal, 1e-14)
    near(normal, (advantage - advantage.mean()) / advantage.std(), 1e-15)
    near(returns.normalize_advantage(advantage.astype(complex)), normal, 1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, complex])
@pytest.mark.parametrize("shape", [(0,), (1,), (3,), (7,), (2, 3)])
def test_a_constant_advantage_becomes_zero_and_an_empty_one_stays_empty(shape, dtype):
    """0.1 + 0.1 + 0.1 is not 3 · 0.1: the mean of a constant need not be that constant, and the deviation not 0."""
    for constant in (0.0, 0.1, -0.7):
        normal = returns.normalize_advantage(np.full(shape, constant, dtype))
        np.testing.assert_array_equal(normal, np.zeros(shape, dtype), strict=True)


def test_an_advantage_too_small_to_square_becomes_zero():
    tiny = np.array([1e-200, 2e-200, 3e-200])
    for advantage in (tiny, tiny.reshape(1, 3), tiny.astype(complex)):
        assert not returns.normalize_advantage(advantage).any()


def test_float32_and_float64_go_through_the_kernel_and_nothing_else_does(monkeypatch):
    taken = []
    monkeypatch.setattr(kernels, "standardize", lambda x: taken.append(x.dtype) or x)
    for dtype in (np.float32, np.float64, complex, np.longdouble):
        returns.normalize_advantage(np.array([1, 3], dtype))
    assert taken == [np.float32, np.float64]


# ---- errors ----

ROWS, FLAG = np.zeros(3), np.zeros(3, bool)
GOOD = {"reward": ROWS, "value": ROWS, "next_value": ROWS, "terminated": FLAG, "truncated": FLAG, "log_rho": ROWS}
SIGNATURES = {
    returns.reward_to_go: ("reward", "terminated", "truncated"),
    returns.total_return: ("reward", "terminated", "truncated"),
    returns.n_step_return: ("reward", "next_value", "terminated", "truncated"),
    returns.lambda_return: ("reward", "next_value", "terminated", "truncated"),
    returns.gae: ("reward", "value", "next_value", "terminated", "truncated"),
    off_policy.vtrace: ("log_rho", "reward", "value", "next_value", "terminated", "truncated"),
}
REST = {returns.n_step_return: (0.9, 1), returns.lambda_return: (0.9, 0.5), returns.gae: (0.9, 0.5)}


@pytest.mark.parametrize("function", SIGNATURES)
def test_errors_name_the_argument(function):
    rest = REST.get(function, (0.9,))
    for name in SIGNATURES[function]:
        if name != "reward":
            arguments = [np.zeros((3, 1), GOOD[n].dtype) if n == name else GOOD[n] for n in SIGNATURES[function]]
            with pytest.raises(ValueError, match=rf"^{name}: expected the shape of reward"):
                function(*arguments, *rest)
        if name in ("terminated", "truncated"):
            arguments = [np.zeros(3) if n == name else GOOD[n] for n in SIGNATURES[function]]
            with pytest.raises(ValueError, match=rf"^{name}: expected booleans"):
                function(*arguments, *rest)


def test_n_is_at_least_one():
    with pytest.raises(ValueError, match=r"^n: expected at least 1"):
        returns.n_step_return(ROWS, ROWS, FLAG, FLAG, 0.9, 0)


def test_numbers_that_hardly_differ_are_normalised_to_the_last_digits_in_every_number_system():
    """Their mean, 2⁵² + 22/7, is no float64."""
    steps = np.array([0.0, 1.0, 3.0, 4.0, 9.0, 2.0, 3.0])
    for dtype in (float, complex):
        normal = returns.normalize_advantage((2.0**52 + steps).astype(dtype))
        np.testing.assert_allclose(normal, (steps - steps.mean()) / steps.std(), rtol=1e-13)


def test_a_constant_advantage_is_zero_in_every_number_system():
    for n, constant in itertools.product(range(1, 60), (0.1, -0.7, 1e5)):
        assert not returns.normalize_advantage(np.full(n, constant, complex)).any()
    for constant in (0.1, 0.3 + 0.2j):
        normal = returns.normalize_advantage(np.full(3, constant, complex))
        np.testing.assert_array_equal(normal, np.zeros(3))
