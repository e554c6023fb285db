"""Claims about returns and advantages: boundary cases, definitions, and that episodes do not leak into each other."""

import numpy as np

from scratchrl.maths import n_step_replay, off_policy, returns
from scratchrl.oracle.checks import EXACT, Check, gap, on

T, N, GAMMA = 12, 2, 0.9


def trajectory(rng):
    """(reward, value, next_value, terminated, truncated) as a rollout collects them, and a random λ."""
    reward, value, next_value = rng.standard_normal((3, T, N))
    terminated, truncated = rng.random((2, T, N)) < 0.15
    goes_on = ~(terminated | truncated)[:-1]
    next_value[:-1] = np.where(goes_on, value[1:], next_value[:-1])
    return reward, value, next_value, terminated, truncated, rng.random()


def td_error(rng):
    reward, value, next_value, terminated, truncated, _ = trajectory(rng)
    delta = reward + GAMMA * np.where(terminated, 0, next_value) - value
    return gap(returns.gae(reward, value, next_value, terminated, truncated, GAMMA, 0.0), delta)


def monte_carlo(rng):
    reward, value, next_value, end, cut, _ = trajectory(rng)
    target = returns.n_step_return(reward, next_value, end, cut, GAMMA, T)
    return gap(returns.gae(reward, value, next_value, end, cut, GAMMA, 1.0), target - value)


def lambda_return(rng):
    reward, value, next_value, end, cut, lam = trajectory(rng)
    target = returns.lambda_return(reward, next_value, end, cut, GAMMA, lam)
    return gap(returns.gae(reward, value, next_value, end, cut, GAMMA, lam) + value, target)


def on_policy(rng):
    reward, value, next_value, end, cut, lam = trajectory(rng)
    vs, _ = off_policy.vtrace(0 * reward, reward, value, next_value, end, cut, GAMMA, lam)
    return gap(vs, returns.lambda_return(reward, next_value, end, cut, GAMMA, lam))


def exact_value(rng):
    """Constant reward 1 is worth 1/(1 − γ) for ever, and 1 in the last row before a terminal state."""
    *_, terminated, truncated, lam = trajectory(rng)
    ones = np.ones((T, N))
    value = np.where(terminated, 1.0, 1 / (1 - GAMMA))
    return gap(returns.gae(ones, value, ones / (1 - GAMMA), terminated, truncated, GAMMA, lam), 0 * ones)


def mixture(rng):
    """(1−λ) Σ λ^{n−1} G⁽ⁿ⁾ over n < T and λ^{T−1} G⁽ᵀ⁾: windows that were cut repeat their longest target."""
    reward, _, next_value, end, cut, lam = trajectory(rng)
    targets = [returns.n_step_return(reward, next_value, end, cut, GAMMA, n) for n in range(1, T + 1)]
    mixed = sum((1 - lam) * lam**n * target for n, target in enumerate(targets[:-1])) + lam ** (T - 1) * targets[-1]
    return gap(returns.lambda_return(reward, next_value, end, cut, GAMMA, lam), mixed)


def replayed(rng):
    """Rows of all environments in a ring, the oldest anywhere: what their runs are worth is the n-step return."""
    reward, _, next_value, end, cut, _ = trajectory(rng)
    oldest = int(rng.integers(T * N))
    env = np.broadcast_to(np.arange(N), (T, N))
    rewards, ends, cuts, envs, value = (np.roll(x.ravel(), oldest) for x in (reward, end, cut, env, next_value))
    rows = (oldest + np.arange(T * N)) % (T * N)
    total, last, discount = n_step_replay.runs(rewards, ends, cuts, envs, oldest, T * N, rows, 3, GAMMA, N)
    target = total + discount * np.where(ends[last], 0, value[last])
    return gap(target.reshape(T, N), returns.n_step_return(reward, next_value, end, cut, GAMMA, 3))


FUNCTIONS = {
    "returns.reward_to_go": lambda lam, r, v, w, d, c: returns.reward_to_go(r, d, c, GAMMA),
    "returns.total_return": lambda lam, r, v, w, d, c: returns.total_return(r, d, c, GAMMA),
    "returns.n_step_return": lambda lam, r, v, w, d, c: returns.n_step_return(r, w, d, c, GAMMA, 3),
    "returns.lambda_return": lambda lam, r, v, w, d, c: returns.lambda_return(r, w, d, c, GAMMA, lam),
    "returns.gae": lambda lam, r, v, w, d, c: returns.gae(r, v, w, d, c, GAMMA, lam),
    "off_policy.vtrace": lambda lam, r, v, w, d, c: np.stack(
        off_policy.vtrace(v / 4, r, v, w, d, c, GAMMA, lam), axis=-1
    ),
}


def concatenation(rng, name):
    """An episode that ended, for whatever reason, does not know what follows it."""
    one, two = list(trajectory(rng)[:-1]), trajectory(rng)[:-1]
    lam = rng.random()
    one[3 + rng.integers(2)][-1] = True
    both = [np.concatenate(pair) for pair in zip(one, two, strict=True)]
    together, *apart = (FUNCTIONS[name](lam, *episodes) for episodes in (both, one, two))
    return gap(together, np.concatenate(apart))


def checks() -> list[Check]:
    """The claims of this file."""
    return [
        Check("returns.gae", "λ = 0 is the TD error", EXACT, td_error),
        Check("returns.gae", "λ = 1 is Monte Carlo − V", EXACT, monte_carlo),
        Check("returns.gae", "+ V is the λ-return", EXACT, lambda_return),
        Check("returns.gae", "exact V leaves nothing", EXACT, exact_value),
        Check("returns.lambda_return", "mixture of n-step returns", EXACT, mixture),
        Check("off_policy.vtrace", "on-policy = λ-return", EXACT, on_policy),
        Check("n_step_replay.runs", "worth n-step returns", EXACT, replayed),
        *(
            Check(name, "episodes do not leak", EXACT, on(concatenation, name))
            for name in FUNCTIONS
        ),
    ]
