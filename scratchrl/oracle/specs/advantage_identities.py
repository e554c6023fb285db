"""Equations that tie a return or advantage to its own definition: one step, one step more, no ratio, no future."""

import numpy as np

from scratchrl.oracle.shifted import later
from scratchrl.oracle.specification import Identity
from scratchrl.oracle.specs.trajectory_identities import first


def one_step(reward, next_value, terminated, gamma, **_):
    """r + γ (1 − terminated) v′."""
    return reward + gamma * (~terminated * next_value)


def passed_back(target, lam, reward, next_value, terminated, truncated, gamma, **_):
    """r_t + γ ((1−λ) v′_t + λ G_{t+1}) while the episode goes on, one step where it does not."""
    goes_on = ~(terminated | truncated)
    goes_on[-1:] = False
    ahead = (1 - lam) * next_value + lam * later(target, 0 * target[-1:])
    return reward + gamma * np.where(goes_on, ahead, ~terminated * next_value)


def _without_value(answer, case):
    """The return behind an answer: A + V, or the answer itself."""
    return first(answer) + case["value"] if "value" in case else first(answer)


def without_lambda(f, **case):
    """f(λ = 0) − (r + γ m v′), without V if f is an advantage."""
    return _without_value(f(**case | {"lam": 0.0}), case) - one_step(**case)


def recursion(f, **case):
    """G_t − (r_t + γ ((1−λ) v′_t + λ G_{t+1})), G the answer, with V if it is an advantage."""
    target = _without_value(f(**case), case)
    return target - passed_back(target, **case)


def recursion_of_rewards(f, reward, terminated, truncated, gamma):
    """R̂_t − (r_t + γ R̂_{t+1} while the episode goes on)."""
    to_go = first(f(reward=reward, terminated=terminated, truncated=truncated, gamma=gamma))
    ahead = ~(terminated | truncated) * later(to_go, 0 * to_go[-1:])
    return to_go - (reward + gamma * ahead)


def recursion_of_one_return(f, reward, gamma):
    """R(r_0, r_1, …) − (r_0 + γ R(r_1, …))."""
    if len(reward) == 1:
        return first(f(reward=reward, gamma=gamma)) - reward[0]
    return first(f(reward=reward, gamma=gamma)) - (reward[0] + gamma * first(f(reward=reward[1:], gamma=gamma)))


def target_of_advantage(f, **case):
    """R − (A + V), where the value target came too."""
    answer = f(**case)
    return answer[1] - answer[0] - case["value"] if isinstance(answer, tuple) else 0 * case["value"]


def without_gamma(f, **case):
    """f(γ = 0) − r, without V if f is an advantage."""
    return _without_value(f(**case | {"gamma": 0.0}), case) - case["reward"]


def one_row(f, n, **case):
    """f(n = 1) − (r + γ m v′)."""
    return first(f(n=1, **case)) - one_step(**case)


def one_row_more(f, n, **case):
    """f(n + 1)_t − (r_t + γ f(n)_{t+1} while the episode goes on, else γ m v′)."""
    shorter, longer = first(f(n=n, **case)), first(f(n=n + 1, **case))
    return longer - passed_back(shorter, 1.0, **case)


def on_policy(f, log_rho, rho_bar, **case):
    """vs at ρ = 1, against the recursion of the λ-return."""
    target = first(f(log_rho=0 * log_rho, rho_bar=1.0, **case))
    return target - passed_back(target, **case)


def unclipped(f, log_rho, rho_bar, **case):
    """vs at ρ̄ = 1 and ρ̄ = 2, where no ratio exceeds 1."""
    rare = -np.abs(log_rho)
    return first(f(log_rho=rare, rho_bar=1.0, **case)) - first(f(log_rho=rare, rho_bar=2.0, **case))


def weighted_step(f, log_rho, value, rho_bar, **case):
    """vs − v at λ = 0, against ρ times what it is at ρ = 1: E_μ[ρ δ] = E_π[δ]."""
    rare, known = -np.abs(log_rho), case | {"lam": 0.0, "value": value, "rho_bar": 1.0}
    once = first(f(log_rho=0 * log_rho, **known)) - value
    return first(f(log_rho=rare, **known)) - value - np.exp(rare) * once


def corrections_passed_back(f, **case):
    """vs_t − v_t − (δ_t + γλ min(1, ρ_t) (vs_{t+1} − v_{t+1}) while the episode goes on)."""
    gap, ratio = first(f(**case)) - case["value"], np.exp(case["log_rho"])
    delta = np.minimum(case["rho_bar"], ratio) * (one_step(**case) - case["value"])
    ahead = ~(case["terminated"] | case["truncated"]) * later(gap, 0 * gap[-1:])
    return gap - (delta + case["gamma"] * case["lam"] * np.minimum(1.0, ratio) * ahead)


def advantage_sees_the_next_target(f, log_rho, value, rho_bar, **case):
    """A_t − ρ̂_t (r_t + γ m_t vs_{t+1} − v_t), where the advantage came too."""
    answer = f(log_rho=log_rho, value=value, rho_bar=rho_bar, **case)
    if not isinstance(answer, tuple):
        return 0 * value
    ahead = passed_back(answer[0], **case | {"lam": 1.0})
    return answer[1] - np.minimum(rho_bar, np.exp(log_rho)) * (ahead - value)


OF_GAE = (
    Identity("λ = 0 gives the error of one step", without_lambda),
    Identity("A + V is the λ-return: G_t = r_t + γ ((1 − λ) v′_t + λ G_{t+1})", recursion),
    Identity("γ = 0 gives r − V", without_gamma),
    Identity("the value target is A + V", target_of_advantage),
)
OF_LAMBDA_RETURN = (
    Identity("λ = 0 gives r + γ v′", without_lambda),
    Identity("G_t = r_t + γ ((1 − λ) v′_t + λ G_{t+1}) while the episode goes on", recursion),
)
OF_REWARD_TO_GO = (
    Identity("R̂_t = r_t + γ R̂_{t+1} while the episode goes on", recursion_of_rewards),
    Identity("γ = 0 gives r", without_gamma),
)
OF_DISCOUNTED_RETURN = (Identity("R(r_0, r_1, …) = r_0 + γ R(r_1, …)", recursion_of_one_return),)
OF_N_STEP_RETURN = (
    Identity("n = 1 gives r + γ v′", one_row),
    Identity("n + 1 rows are one row and n more", one_row_more),
)
OF_VTRACE = (
    Identity("with ρ = 1 the target is the λ-return", on_policy),
    Identity("vs − v is passed back with γλ min(1, ρ_t)", corrections_passed_back),
    Identity(
        "the advantage looks at the next target: A_t = ρ̂_t (r_t + γ vs_{t+1} − v_t)", advantage_sees_the_next_target
    ),
    Identity("ρ̄ changes nothing where no ratio exceeds it", unclipped),
    Identity("with λ = 0 the correction is ρ times that of ρ = 1: E_μ[ρ δ] = E_π[δ]", weighted_step),
)
