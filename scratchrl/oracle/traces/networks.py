"""Network outputs recomputed from recorded weights: values, log-probabilities, entropies, each with its bound."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths import policies
from scratchrl.maths.policies import Policy
from scratchrl.oracle import mistakes, specs
from scratchrl.oracle.judgement import FACTOR
from scratchrl.oracle.mistake import BUG
from scratchrl.oracle.traces.judging import Judged, Remark, Variant, remark
from scratchrl.oracle.traces.recording import Recording, parts
from scratchrl.oracle.traces.stage import Arithmetic, by_network, native

TRANSPOSED = Remark("weights-transposed", BUG, "z = h Wᵀ + b in the square layers: their W was recorded as (out, in)")
ACTIVATION = Remark("activation", BUG, "the same weights with the other activation")


def parameters(recording: Recording, when: str, obs: NDArray, arithmetic: Arithmetic) -> tuple[Any, Any]:
    """Rows of distribution parameters and the cache, of the network WHEN/NET on obs (B, O)."""
    net = recording.policy if when.endswith("/policy") else recording.value
    assert net is not None
    return policies.forward(net, arithmetic.lift(recording[when]), arithmetic.plain(obs))


def values(recording: Recording, when: str, obs: NDArray, arithmetic: Arithmetic) -> Any:
    """V(obs), (B,)."""
    return parameters(recording, when, obs, arithmetic)[0][:, 0]


def values_judged(recording: Recording, recorded: NDArray, when: str, obs: NDArray) -> Judged:
    """Recorded values against the network's."""
    return by_network(
        recording, recorded, lambda arithmetic: values(recording, when, obs, arithmetic).reshape(recorded.shape),
        _other_networks(recording, recorded, when, lambda other: values(other, when, obs, native(53))),
    )  # fmt: skip


def log_prob_judged(recording: Recording, recorded: NDArray, when: str, obs: NDArray, action: NDArray) -> Judged:
    """Recorded log-probabilities of recorded actions."""

    def compute(arithmetic: Arithmetic) -> Any:
        rows, _ = parameters(recording, when, obs, arithmetic)
        return _policy(recording).distribution.log_prob(rows, arithmetic.plain(action)).reshape(recorded.shape)

    def other_network(other: Recording) -> Any:
        rows, _ = parameters(other, when, obs, native(53))
        return _policy(recording).distribution.log_prob(rows, native(53).plain(action))

    variants = _other_formulas(recording, recorded, when, obs, "log_prob", {"action": action})
    variants += _other_networks(recording, recorded, when, other_network)
    return by_network(recording, recorded, compute, variants, FACTOR)


def entropy_judged(recording: Recording, recorded: NDArray, when: str, obs: NDArray) -> Judged:
    """Recorded entropies of the policy at recorded observations."""

    def compute(arithmetic: Arithmetic) -> Any:
        return _policy(recording).distribution.entropy(parameters(recording, when, obs, arithmetic)[0])

    variants = _other_formulas(recording, recorded, when, obs, "entropy", {})
    return by_network(recording, recorded, compute, variants, FACTOR)


def _policy(recording: Recording) -> Policy:
    assert recording.policy is not None
    return recording.policy


# ---- what else it may have been ----


def _other_formulas(
    recording: Recording, recorded: NDArray, when: str, obs: NDArray, quantity: str, case: dict[str, Any]
) -> tuple[Variant, ...]:
    """The catalogue's mistakes of this quantity at the right network outputs."""
    kind = "gaussian" if _policy(recording).distribution.segments == () else "categorical"
    spec = specs.every().get(f"{kind}_{quantity}")
    if spec is None:
        return ()

    def values_of(entry: Any) -> Callable[[], Any]:
        def values() -> Any:
            rows = parameters(recording, when, obs, native(53))[0]
            action = {name: native(53).plain(array) for name, array in case.items()}
            return np.reshape(entry.around(spec.reference)(**_named(rows, kind), **action), recorded.shape)

        return values

    entries = sorted(mistakes.against(spec.name), key=lambda entry: entry.kind == BUG)
    return tuple(Variant(remark(entry), _quietly(values_of(entry))) for entry in entries if not entry.equivalent)


def _quietly(values: Callable[[], Any]) -> Callable[[], Any]:
    """A mistake that raises, or answers in another shape, is not what was recorded."""

    def attempt() -> Any:
        try:
            return values()
        except Exception:
            return np.nan

    return attempt


def _named(rows: NDArray, kind: str) -> dict[str, NDArray]:
    half = rows.shape[1] // 2
    return {"logits": rows} if kind == "categorical" else {"mean": rows[:, :half], "log_std": rows[:, half:]}


def _other_networks(
    recording: Recording, recorded: NDArray, when: str, compute: Callable[[Recording], Any]
) -> tuple[Variant, ...]:
    """Slips of a recorder rather than of an update: weights the wrong way round, another activation."""

    def variant(found: Remark, other: Recording) -> Variant:
        return Variant(found, lambda: np.reshape(compute(other), recorded.shape))

    return tuple(variant(found, other) for found, other in _slips(recording, when))


def _slips(recording: Recording, when: str) -> Iterator[tuple[Remark, Recording]]:
    net = when.split("/")[1]
    policy: Policy = getattr(recording, net)
    pieces, start = [], 0
    for _, shape in parts(policy):
        size = int(np.prod(shape))
        piece = recording[when][start : start + size].reshape(shape)
        pieces.append(piece.T.ravel() if len(shape) == 2 and shape[0] == shape[1] else piece.ravel())
        start += size
    yield TRANSPOSED, replace(recording, thetas={**recording.thetas, when: np.concatenate(pieces)})
    other = policy.mlp._replace(activation="relu" if policy.mlp.activation == "tanh" else "tanh")
    changed: dict[str, Any] = {net: policy._replace(mlp=other)}
    yield ACTIVATION, replace(recording, **changed)
