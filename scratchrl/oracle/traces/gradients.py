r"""The gradient of one step by hand, from the outputs of the networks down to their first layer.

    ∂L/∂log π_b      from the policy loss, or the convention found in its place        } recorded log π, ρ, A and v
    ∂L/∂v_b          c_v times that of the value loss                                  } are taken as they are
    ∂L/∂params_b  =  ∂L/∂log π_b · score_b − (c_e/B) ∂H_b/∂params                                                (1)
    ∂L/∂θ         =  Σ_b J_bᵀ ∂L/∂params_b                                            by maths/policies.vjp      (2)

One row for each W and b, the last layer first, for that is the order of the flow: an error in a layer's gradient is in
those below it too.
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths import policies
from scratchrl.maths.policies import Policy
from scratchrl.oracle import mistakes, specs
from scratchrl.oracle.mistake import BUG
from scratchrl.oracle.traces.bounded import Bounded
from scratchrl.oracle.traces.elementwise import outputs
from scratchrl.oracle.traces.judging import Judged, Remark, Variant, known, remark
from scratchrl.oracle.traces.minibatch import in_force, policy_case, value_case
from scratchrl.oracle.traces.networks import parameters
from scratchrl.oracle.traces.recording import Recording, parts
from scratchrl.oracle.traces.stage import Arithmetic, Found, Stage, by_network, native

Made = dict[tuple[str, str], Any]  # (network, arithmetic) -> its whole gradient
POLICY_NEEDS = ("before/policy", "batch_obs", "batch_action", "log_prob", "loss_advantage")
VALUE_NEEDS = ("before/value", "batch_obs", "value_new", "batch_target", "vf_coef")


def stages(recording: Recording) -> Iterator[Stage]:
    """One for each array of each network, in the order of the pull-back; each gradient is computed once for all."""
    made: Made = {}
    for net, needs, also in (
        ("policy", POLICY_NEEDS, {"clip": ("batch_log_prob_old",), "delta": ("batch_log_prob_old",)}),
        ("value", VALUE_NEEDS, {"value_clip": ("batch_value_old",)}),
    ):
        for part, where in reversed(_places(getattr(recording, net))):
            examine = _examiner(net, where, made)
            yield Stage(f"gradient/{net}/{part}", "∂L/∂" + part, needs, examine, f"gradient/{net}", also)


def _places(net: Policy | None) -> list[tuple[str, tuple[slice, tuple[int, ...]]]]:
    found, start = [], 0
    for part, shape in parts(net) if net is not None else ():
        end = start + int(np.prod(shape))
        found.append((part, (slice(start, end), shape)))
        start = end
    return found


def _examiner(net: str, where: tuple[slice, tuple[int, ...]], made: Made) -> Any:
    rows, shape = where

    def examine(recording: Recording, found: Found) -> Judged:
        pulled = policy_gradient if net == "policy" else value_gradient
        others = _policy_variants if net == "policy" else _value_variants

        def cut(theta: Any) -> Any:
            return theta[rows].reshape(shape)

        def variant(name: Remark, values: Callable[[], Any]) -> Variant:
            return Variant(name, lambda: cut(values()))

        def compute(arithmetic: Arithmetic) -> Any:
            key = net, arithmetic.name
            if key not in made:
                made[key] = pulled(recording, found, arithmetic)
            return cut(made[key])

        variants = tuple(variant(*other) for other in others(recording, found))
        return by_network(recording, cut(recording[f"gradient/{net}"]), compute, variants)

    return examine


def _with(arithmetic: Arithmetic, exact: Bounded) -> Any:
    """A bounded number in the arithmetic that is asked for."""
    lifted = arithmetic.lift(exact.value)
    return exact if isinstance(lifted, Bounded) else lifted


# ---- the policy ----


def policy_gradient(
    recording: Recording, found: Found, arithmetic: Arithmetic, loss: Any = None, sign: float = 1.0
) -> Any:
    """∂L/∂θ of the policy's share of the loss; with δ among the settings, of the surrogate that TRPO makes large.

    Args:
      loss: what to take for the policy loss, instead of the one in force; sign: of the entropy bonus.
    """
    spec, case = policy_case(recording)
    if recording.has("delta"):
        d_log_prob = _surrogate_slope(recording)
    else:
        d_log_prob = outputs(loss or in_force(found, spec), case, recording.bits)[1]
    entropy = -sign * float(recording["ent_coef"]) / len(recording["log_prob"]) if recording.has("ent_coef") else 0.0
    return _pulled(recording, arithmetic, d_log_prob, entropy)


def _pulled(recording: Recording, arithmetic: Arithmetic, d_log_prob: Bounded, entropy: float) -> Any:
    """(1) and (2)."""
    policy = recording.policy
    assert policy is not None
    rows, cache = parameters(recording, "before/policy", recording["batch_obs"], arithmetic)
    score = policy.distribution.score(rows, arithmetic.plain(recording["batch_action"]))
    d_rows = _with(arithmetic, d_log_prob)[:, None] * score  # (1)
    if entropy:
        d_rows = d_rows + arithmetic.lift(np.array(entropy)) * policy.distribution.entropy_grad(rows)  # (1)
    return policies.vjp(policy, arithmetic.lift(recording["before/policy"]), cache, d_rows)  # (2)


def _surrogate_slope(recording: Recording) -> Bounded:
    """∂/∂log π of (1/B) Σ ρ A, ρA/B."""
    case = policy_case(recording)[1]
    old = recording["batch_log_prob_old"]
    return outputs(_surrogate, case | {"log_prob_old": old}, recording.bits)[0]


def _surrogate(log_prob: NDArray, log_prob_old: NDArray, advantage: NDArray, clip: float = 1.0) -> Any:
    return np.exp(log_prob - log_prob_old) * advantage / len(log_prob)


def _policy_variants(recording: Recording, found: Found) -> Iterator[tuple[Remark, Any]]:
    if recording.has("delta"):
        return
    spec, _ = policy_case(recording)

    @cache
    def gradient(loss: Any = None, sign: float = 1.0) -> NDArray:
        return policy_gradient(recording, found, native(53), loss, sign)

    batch = len(recording["log_prob"])
    if recording.has("ent_coef") and recording["ent_coef"]:
        yield known("entropy-bonus-sign", BUG, "+ c_e H in the loss"), lambda: gradient(sign=-1.0)
        yield Remark("entropy-left-out", BUG, "no entropy bonus in the gradient"), lambda: gradient(sign=0.0)
    yield known("pg-sign", BUG, "+ the objective, made small"), lambda: -gradient()
    yield known("loss-sum-vs-mean", BUG, "the sum over the batch instead of the mean"), lambda: batch * gradient()
    for entry in sorted(mistakes.against(spec), key=lambda entry: entry.kind == BUG):
        loss = entry.around(specs.get(spec).reference)
        yield remark(entry), lambda loss=loss: _or_nan(lambda: gradient(loss), gradient())


def _or_nan(values: Any, like: NDArray) -> NDArray:
    """What a mistake gives that can be asked about its gradient at all."""
    try:
        return values()
    except Exception:
        return np.full(like.shape, np.nan)


# ---- the value function ----


def value_gradient(
    recording: Recording, found: Found, arithmetic: Arithmetic, loss: Any = None, factor: float = 1.0
) -> Any:
    """∂L/∂φ of the value loss times its coefficient."""
    spec, case = value_case(recording)
    net = recording.value
    assert net is not None
    d_value = outputs(loss or in_force(found, spec), case, recording.bits)[1]
    d_rows = arithmetic.lift(np.array(factor * float(recording["vf_coef"]))) * _with(arithmetic, d_value)[:, None]
    _, cache = parameters(recording, "before/value", recording["batch_obs"], arithmetic)
    return policies.vjp(net, arithmetic.lift(recording["before/value"]), cache, d_rows)


def _value_variants(recording: Recording, found: Found) -> Iterator[tuple[Remark, Any]]:
    spec, _ = value_case(recording)

    @cache
    def gradient(loss: Any = None, factor: float = 1.0) -> NDArray:
        return value_gradient(recording, found, native(53), loss, factor)

    coefficient, batch = float(recording["vf_coef"]), float(len(recording["value_new"]))
    yield Remark("value-coefficient-left-out", BUG, "L_v without c_v"), lambda: gradient(factor=1 / coefficient)
    yield known("loss-sum-vs-mean", BUG, "the sum over the batch instead of the mean"), lambda: gradient(factor=batch)
    for entry in sorted(mistakes.against(spec), key=lambda entry: entry.kind == BUG):
        loss = entry.around(specs.get(spec).reference)
        yield remark(entry), lambda loss=loss: _or_nan(lambda: gradient(loss), gradient())
