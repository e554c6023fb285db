r"""The gradient of one step by hand, from the outputs of the networks down to their first layer.

    ∂L/∂log π_b      from the policy loss, or the convention found in its place        } recorded log π, ρ, A and v
    ∂L/∂v_b          c_v times that of the value loss                                  } are taken as they are
    ∂L/∂params_b  =  ∂L/∂log π_b · score_b − (c_e/B) ∂H_b/∂params                                                (1)
    ∂L/∂θ         =  Σ_b J_bᵀ ∂L/∂params_b                                            by maths/policies.vjp      (2)

With δ among the settings it is the gradient of the surrogate that TRPO makes large. One row for each W and b, the last
layer first, for that is the order of the flow: an error in a layer's gradient is in those below it too.
"""

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths import policies
from scratchrl.maths.policies import Policy
from scratchrl.oracle.traces import slips
from scratchrl.oracle.traces.bounded import Bounded
from scratchrl.oracle.traces.elementwise import outputs
from scratchrl.oracle.traces.judging import Judged, Variant
from scratchrl.oracle.traces.minibatch import in_force, policy_case, value_case
from scratchrl.oracle.traces.networks import parameters
from scratchrl.oracle.traces.recording import Recording, parts
from scratchrl.oracle.traces.stage import Arithmetic, Found, Stage, by_network, native

POLICY_NEEDS = ("before/policy", "batch_obs", "batch_action", "log_prob", "loss_advantage")
VALUE_NEEDS = ("before/value", "batch_obs", "value_new", "batch_target", "vf_coef")
Gradients = tuple[Callable[[Arithmetic], Any], tuple[Variant, ...]]  # the right one and others, each computed once


def stages(recording: Recording) -> Iterator[Stage]:
    """One for each array of each network, in the order of the pull-back; each gradient is computed once."""
    known: dict[str, Gradients] = {}
    for net, needs, also in (
        ("policy", POLICY_NEEDS, {"clip": ("batch_log_prob_old",), "delta": ("batch_log_prob_old",)}),
        ("value", VALUE_NEEDS, {"value_clip": ("batch_value_old",)}),
    ):
        for part, where in reversed(_places(getattr(recording, net))):
            examine = _examiner(net, where, known)
            yield Stage(f"gradient/{net}/{part}", "∂L/∂" + part, needs, examine, f"gradient/{net}", also)


def _places(net: Policy | None) -> list[tuple[str, tuple[slice, tuple[int, ...]]]]:
    found, start = [], 0
    for part, shape in parts(net) if net is not None else ():
        end = start + int(np.prod(shape))
        found.append((part, (slice(start, end), shape)))
        start = end
    return found


def _examiner(net: str, where: tuple[slice, tuple[int, ...]], known: dict[str, Gradients]) -> Any:
    rows, shape = where

    def cut(theta: Any) -> Any:
        return theta[rows].reshape(shape)

    def part_of(whole: Variant) -> Variant:
        return whole._replace(values=lambda: cut(whole.values()))

    def examine(recording: Recording, found: Found) -> Judged:
        if net not in known:
            known[net] = (_policy if net == "policy" else _value)(recording, found)
        compute, others = known[net]
        variants = tuple(part_of(other) for other in others)
        recorded = cut(recording[f"gradient/{net}"])
        return by_network(recording, recorded, lambda arithmetic: cut(compute(arithmetic)), variants)

    return examine


def _policy(recording: Recording, found: Found) -> Gradients:
    entropy = float(recording["ent_coef"]) / len(recording["log_prob"]) if recording.has("ent_coef") else 0.0
    pull = partial(pull_policy, recording)
    if recording.has("delta"):
        slope = _surrogate_slope(recording)
        return cache(lambda arithmetic: pull(arithmetic, slope, 0.0)), ()
    spec, case = policy_case(recording)
    slope = outputs(in_force(found, spec), case, recording.bits)[1]
    others = slips.of_policy(spec, case, slope.value, entropy, partial(pull, native(53)))
    return cache(lambda arithmetic: pull(arithmetic, slope, -entropy)), others


def _value(recording: Recording, found: Found) -> Gradients:
    coefficient, pull = float(recording["vf_coef"]), partial(pull_value, recording)
    spec, case = value_case(recording)
    slope = outputs(in_force(found, spec), case, recording.bits)[1]
    others = slips.of_value(spec, case, slope.value, coefficient, partial(pull, native(53)))
    return cache(lambda arithmetic: pull(arithmetic, slope, coefficient)), others


def pull_policy(recording: Recording, arithmetic: Arithmetic, d_log_prob: Bounded, d_entropy: float) -> Any:
    """∂L/∂θ by (1) and (2), from the derivatives by log π, (B,), and by each row's entropy."""
    policy = recording.policy
    assert policy is not None
    rows, cached = parameters(recording, "before/policy", recording["batch_obs"], arithmetic)
    score = policy.distribution.score(rows, arithmetic.plain(recording["batch_action"]))
    d_rows = _with(arithmetic, d_log_prob)[:, None] * score  # (1)
    if d_entropy:
        d_rows = d_rows + arithmetic.lift(np.array(d_entropy)) * policy.distribution.entropy_grad(rows)  # (1)
    return policies.vjp(policy, arithmetic.lift(recording["before/policy"]), cached, d_rows)  # (2)


def pull_value(recording: Recording, arithmetic: Arithmetic, d_value: Bounded, coefficient: float) -> Any:
    """∂L/∂φ by (2), from the derivatives of the value loss by v, (B,), and its coefficient."""
    net = recording.value
    assert net is not None
    _, cached = parameters(recording, "before/value", recording["batch_obs"], arithmetic)
    d_rows = arithmetic.lift(np.array(coefficient)) * _with(arithmetic, d_value)[:, None]
    return policies.vjp(net, arithmetic.lift(recording["before/value"]), cached, d_rows)  # (2)


def _with(arithmetic: Arithmetic, exact: Bounded) -> Any:
    """A bounded number in the arithmetic that is asked for."""
    lifted = arithmetic.lift(exact.value)
    return exact if isinstance(lifted, Bounded) else lifted


def _surrogate_slope(recording: Recording) -> Bounded:
    """∂/∂log π of TRPO's (1/B) Σ ρ A: ρ A/B."""
    case = policy_case(recording)[1] | {"log_prob_old": recording["batch_log_prob_old"]}
    case.pop("clip", None)
    return outputs(_surrogate, case, recording.bits)[0]


def _surrogate(log_prob: NDArray, log_prob_old: NDArray, advantage: NDArray) -> Any:
    return np.exp(log_prob - log_prob_old) * advantage / len(log_prob)
