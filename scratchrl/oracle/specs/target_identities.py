"""Equations that targets of action values obey: each function returns gaps, arrays that are 0 for the right f."""

import numpy as np

from scratchrl.maths.distributional import support
from scratchrl.oracle.specification import Identity
from scratchrl.oracle.specs.trajectory_identities import first


def mask(case):
    """m = 1 − terminated, as numbers."""
    return (~case["terminated"]).astype(float)


def a_sample_alone(f, **case):
    """f of the batch less f of each sample alone."""
    arrays = {name: value for name, value in case.items() if np.ndim(value)}
    count = len(case["reward"])
    alone = [f(**case | {name: value[b : b + 1] for name, value in arrays.items()}) for b in range(count)]
    return f(**case) - np.concatenate(alone)


def terminal(f, **case):
    """f where every sample terminates, less r."""
    target = f(**case | {"terminated": case["terminated"] | True})
    return target - case["reward"].reshape(-1, *[1] * (target.ndim - 1))


def truncation(f, **case):
    """f where every sample is truncated, less f where none is."""
    return f(**case | {"truncated": case["truncated"] | True}) - f(**case | {"truncated": case["truncated"] & False})


def more_reward(f, **case):
    """f(r + 1) − f(r) − 1."""
    return f(**case | {"reward": case["reward"] + 1}) - f(**case) - 1


def more_value(*names):
    """f(Q′ + 1) − f(Q′) − γ m."""

    def gap(f, **case):
        more = f(**case | {name: case[name] + 1 for name in names})
        return more - f(**case) - case["gamma"] * mask(case)

    return gap


def one_network(f, next_q_online, next_q_target, **case):
    """f(Q, Q) − r − γ m max_a Q."""
    best = next_q_target.max(axis=-1)
    return (
        f(next_q_online=next_q_target, next_q_target=next_q_target, **case)
        - case["reward"]
        - (case["gamma"] * (mask(case) * best))
    )


def only_the_order_chooses(f, next_q_online, **case):
    """f(2 Q_online + 1, Q_target) − f(Q_online, Q_target)."""
    return f(next_q_online=2 * next_q_online + 1, **case) - f(next_q_online=next_q_online, **case)


def critics_are_alike(f, next_q1, next_q2, **case):
    """f(Q₁, Q₂) − f(Q₂, Q₁)."""
    return f(next_q1=next_q1, next_q2=next_q2, **case) - f(next_q1=next_q2, next_q2=next_q1, **case)


def less_surprise(f, next_log_prob, **case):
    """f(log π + 1) − f(log π) + γ m α."""
    more = f(next_log_prob=next_log_prob + 1, **case)
    return more - f(next_log_prob=next_log_prob, **case) + case["gamma"] * mask(case) * case["alpha"]


EVERY = (
    Identity("a terminal target is the reward", terminal),
    Identity("a truncation changes nothing", truncation),
    Identity("a sample alone has the target that it has among others", a_sample_alone),
    Identity("one more of reward is one more of target", more_reward),
)
OF_DQN = (*EVERY, Identity("Q′ + 1 adds γ (1 − terminated)", more_value("next_q")))
OF_DOUBLE_DQN = (
    *EVERY,
    Identity("Q′_target + 1 adds γ (1 − terminated)", more_value("next_q_target")),
    Identity("with one network it is DQN", one_network),
    Identity("increasing maps of Q_online change nothing", only_the_order_chooses),
)
OF_TWO_CRITICS = (
    *EVERY,
    Identity("Q₁ + 1 and Q₂ + 1 add γ (1 − terminated)", more_value("next_q1", "next_q2")),
    Identity("the critics may change places", critics_are_alike),
)
OF_SAC = (*OF_TWO_CRITICS, Identity("log π + 1 takes away γ (1 − terminated) α", less_surprise))
OF_QUANTILES = EVERY[:3]


# ---- C51 ----


def mass(f, probs, **case):
    """Σ p′ − Σ p."""
    return f(probs=probs, **case).sum(axis=-1) - probs.sum(axis=-1)


def mean(f, **case):
    """Σ p′ z − Σ p clip(r + γ m z)."""
    probs, low, high = case["probs"], case["v_min"], case["v_max"]
    z = support(low, high, probs.shape[-1], probs)
    moved = case["reward"][:, None] + case["gamma"] * (mask(case)[:, None] * z)
    return (f(**case) * z).sum(axis=-1) - (probs * np.minimum(high, np.maximum(low, moved))).sum(axis=-1)


def nothing_moves(f, probs, reward, terminated, gamma, **case):
    """f(γ = 1, r = 0, no termination) − p."""
    return f(probs=probs, reward=0 * reward, terminated=terminated & False, gamma=1.0, **case) - probs


OF_C51 = (
    *EVERY[1:3],
    Identity("no mass is lost", mass),
    Identity("the mean is that of r + γ z within the support", mean),
    Identity("γ = 1 and r = 0 move nothing", nothing_moves),
)


def rows_of_zero_sum(f, **case):
    """Σ_k ∂L/∂l_k."""
    answer = f(**case)
    return answer[1].sum(axis=-1) if isinstance(answer, tuple) else 0 * case["logits"][:, 0]


def a_constant_in_the_logits(f, logits, target_probs):
    """f(l + 1) − f(l), of the losses."""
    return first(f(logits=logits + 1, target_probs=target_probs)) - first(f(logits=logits, target_probs=target_probs))


def twice_the_batch(f, **case):
    """f(every row twice) − f, of the losses."""
    twice = {name: np.concatenate([value, value]) if np.ndim(value) else value for name, value in case.items()}
    return first(f(**twice)) - first(f(**case))


def mirror_image(f, quantiles, target, kappa):
    """f(−θ reversed, −y) − f(θ, y), of the losses."""
    turned = f(quantiles=-quantiles[:, ::-1], target=-target, kappa=kappa)
    return first(turned) - first(f(quantiles=quantiles, target=target, kappa=kappa))


OF_C51_LOSS = (
    Identity("every row twice gives the same mean", twice_the_batch),
    Identity("a constant in the logits changes nothing", a_constant_in_the_logits),
    Identity("the gradient of a row sums to 0", rows_of_zero_sum),
)
OF_QUANTILE_LOSS = (
    Identity("every row twice gives the same mean", twice_the_batch),
    Identity("the mirror image costs the same", mirror_image),
)
