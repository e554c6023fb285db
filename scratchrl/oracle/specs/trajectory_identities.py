"""Equations that returns and advantages obey: each function returns gaps, arrays that are 0 for the right f.

They are written for whatever arrays and settings a spec has, and change a case only in ways that every subject can
express: who knows values of the same state from one side only is never told two.
"""

import numpy as np

from scratchrl.oracle.shifted import later
from scratchrl.oracle.specification import Identity


def first(answer):
    """The output that every subject returns."""
    return answer[0] if isinstance(answer, tuple) else answer


def each(combine, *answers):
    """combine(…) for every output that came."""
    outputs = [answer if isinstance(answer, tuple) else (answer,) for answer in answers]
    return tuple(combine(*same) for same in zip(*outputs, strict=True))


def difference(one, other):
    return one - other


def rows(case, kept):
    """The case with some of its rows (or streams) only."""
    return {name: value[kept] if np.ndim(value) else value for name, value in case.items()}


def ended(case, how):
    """The case with an end of that kind, and no other, in its middle; and how many rows the first episode has."""
    half = len(case["reward"]) // 2
    flags = {name: case[name].copy() for name in ("terminated", "truncated")}
    for name, flag in flags.items():
        flag[max(half - 1, 0)] = name == how
    return case | flags, half


def nowhere(case):
    """The case without ends."""
    flags = {name: case[name] & False for name in ("terminated", "truncated")}
    seen = {"next_value": later(case["value"], case["next_value"][-1:])} if "value" in case else {}
    return case | flags | seen


# ---- over the ends of episodes ----


def concatenation(how):
    """f(ep₁ ⊕ ep₂) − f(ep₁) ⊕ f(ep₂)."""

    def gap(f, **case):
        whole, half = ended(case, how)
        if not half:
            return 0 * case["reward"]
        parts = [f(**rows(whole, kept)) for kept in (slice(None, half), slice(half, None))]
        return each(lambda all_rows, *some: all_rows - np.concatenate(some), f(**whole), *parts)

    return gap


def nothing_comes_back_from_beyond(f, **case):
    """f up to a terminal state, and the same after everything behind it was set to 0."""
    whole, half = ended(case, "terminated")
    if not half:
        return 0 * case["reward"]
    behind = (np.arange(len(case["reward"])) >= half)[:, None]
    silent = {n: np.where(behind, 0 * whole[n], whole[n]) for n in ("reward", "value", "log_rho") if n in whole}
    if "next_value" in whole:
        from_the_end = (np.arange(len(behind)) >= half - 1)[:, None]
        silent["next_value"] = np.where(from_the_end, 0 * whole["next_value"], whole["next_value"])
    return each(lambda one, other: (one - other)[:half], f(**whole), f(**whole | silent))


def the_past_is_past(f, reward, **case):
    """f after the first row, and the same after that row's reward was set to 0."""
    other = np.concatenate([0 * reward[:1], reward[1:]])
    return each(lambda one, two: (one - two)[1:], f(reward=reward, **case), f(reward=other, **case))


def truncation_is_termination_with_its_bootstrap(f, reward, next_value, terminated, truncated, gamma, **rest):
    """f(truncated, r) − f(terminated, r + γ v′)."""
    cut = truncated & ~terminated
    known = {"next_value": next_value, "gamma": gamma, **rest}
    here = f(reward=reward, terminated=terminated, truncated=truncated, **known)
    folded = reward + gamma * (cut * next_value)
    return each(difference, here, f(reward=folded, terminated=terminated | cut, truncated=truncated, **known))


def a_truncation_goes_on_with_its_value(f, truncated, **case):
    """f with a last row that is truncated, and with one that is not."""
    last = (np.arange(len(truncated)) == len(truncated) - 1)[:, None]
    return each(difference, f(truncated=truncated | last, **case), f(truncated=truncated & ~last, **case))


# ---- scale and shift ----


def twice_everything(f, **case):
    """f(2r, 2v, 2v′) − 2 f(r, v, v′)."""
    doubled = {name: 2 * case[name] for name in ("reward", "value", "next_value") if name in case}
    return each(lambda twice, once: twice - 2 * once, f(**case | doubled), f(**case))


def superposition(f, reward, value, next_value, **case):
    """f(r, v, v′) − f(r, 0, 0) − f(0, v, v′)."""
    rewards = f(reward=reward, value=0 * value, next_value=0 * next_value, **case)
    values = f(reward=0 * reward, value=value, next_value=next_value, **case)
    both = f(reward=reward, value=value, next_value=next_value, **case)
    return each(lambda a, b, c: a - b - c, both, rewards, values)


def _rises(case):
    """Whether f is a value target, which follows V, and not an advantage."""
    return "value" not in case or "log_rho" in case


def _shifted(case, by):
    moved = {name: case[name] + by for name in ("value", "next_value") if name in case}
    return case | moved | {"reward": case["reward"] + (1 - case["gamma"]) * by}


def a_constant_more_per_step(f, **case):
    """r + (1−γ)c and V + c without ends: the advantage stays, a return rises by c."""
    case = nowhere(case)
    return first(f(**_shifted(case, 2.0))) - first(f(**case)) - 2 * _rises(case)


def exact_values(f, **case):
    """Constant reward (1−γ)c and V = c, without ends: no advantage, and every return is c."""
    case = nowhere(case)
    zeros = {name: 0 * case[name] for name in ("reward", "value", "next_value") if name in case}
    return first(f(**_shifted(case | zeros, 2.0))) - 2 * _rises(case)


# ---- streams ----


def streams_in_another_order(f, **case):
    """f(x[:, ::−1])[:, ::−1] − f(x)."""
    order = (slice(None), slice(None, None, -1))
    return each(lambda turned, whole: turned[..., ::-1] - whole, f(**rows(case, order)), f(**case))


def a_stream_alone(f, **case):
    """f(x[:, :1]) − f(x)[:, :1]."""
    alone = f(**rows(case, (slice(None), slice(1))))
    return each(lambda one, all_streams: one - all_streams[..., :1], alone, f(**case))


OVER_ENDS = (
    Identity("episodes that terminate are independent: f(ep₁ ⊕ ep₂) = f(ep₁) ⊕ f(ep₂)", concatenation("terminated")),
    Identity("episodes that are truncated are independent: f(ep₁ ⊕ ep₂) = f(ep₁) ⊕ f(ep₂)", concatenation("truncated")),
    Identity("nothing after a terminal state changes what came before", nothing_comes_back_from_beyond),
)
OF_STREAMS = (
    Identity("streams may stand in any order", streams_in_another_order),
    Identity("a stream alone is what it is among others", a_stream_alone),
)
PAST = Identity("a reward changes nothing after its step", the_past_is_past)
TWICE = Identity("twice the rewards and values give twice the result", twice_everything)
SUPERPOSITION = Identity("rewards and values add up: f(r, v) = f(r, 0) + f(0, v)", superposition)
BOOTSTRAPPED = (
    Identity("a truncation is a termination with γ v′ in its reward", truncation_is_termination_with_its_bootstrap),
    Identity("truncated in the last row or not is the same", a_truncation_goes_on_with_its_value),
    Identity("with V + c and (1 − γ)c more per step nothing changes but V", a_constant_more_per_step),
    Identity("where V is exact there is no advantage and the return is V", exact_values),
)
