"""Bounds of whole arrays: nothing that float32 does to these formulas leaves them, and balls say the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scratchrl.maths import objectives, optimizers, policies, values
from scratchrl.oracle.numbers import error_bound, truth
from scratchrl.oracle.traces.bounded import Bounded, collected, pair, rounding
from scratchrl.oracle.traces.rules import ELEMENTARY, RULES, many_roundings

NUMBERS = arrays(np.float32, 5, elements=st.floats(-8, 8, width=32))
EXACT = ("add", "subtract", "multiply", "divide", "square", "sqrt", "negative", "absolute", "maximum", "minimum")


def holds(bounded, numbers):
    """Whether numbers are within the bounds; in float64, which rounds a 2⁻²⁹th of what float32 does."""
    return np.all(np.abs(np.asarray(numbers, float) - bounded.value) <= bounded.error)


# ---- single operations ----


@pytest.mark.parametrize("name", EXACT)
@given(a=NUMBERS, b=NUMBERS)
def test_a_rounded_operation_is_within_its_bound(name, a, b):
    operation = getattr(np, name)
    operands = (np.abs(a),) if name == "sqrt" else (a, b)[: operation.nin]
    with np.errstate(all="ignore"):
        got, bound = operation(*operands), operation(*(rounding(x, 24) for x in operands))
        off = np.abs(got.astype(float) - bound.value)
    normal = (bound.value == 0) | (np.abs(bound.value) > 1e-37)  # gradual underflow has its own, absolute, error
    known = np.isfinite(off) & normal
    assert np.all(off[known] <= bound.error[known] * (1 + 1e-9))


@pytest.mark.parametrize("name", [*EXACT, "exp", "expm1", "log", "tanh"])
@given(a=NUMBERS, b=NUMBERS, far=arrays(float, (2, 5), elements=st.floats(-1, 1)), size=st.floats(0, 2))
def test_errors_go_on(name, a, b, far, size):
    """Operands anywhere within their errors give results within the error of the result."""
    operation = getattr(np, name)
    operands = [x.astype(float) for x in (a, b)[: operation.nin]]
    if name in ("sqrt", "log"):
        operands = [np.abs(operands[0]) + size + 0.125]
    moved = [x + size * shift for x, shift in zip(operands, far, strict=False)]
    with np.errstate(all="ignore"):
        bound = operation(*(Bounded(x, np.full(x.shape, size), 2.0**-53) for x in operands))
        off = np.abs(operation(*moved) - bound.value)
    room = bound.error * (1 + 1e-9) + 1e-12 * (1 + np.abs(bound.value))
    assert np.all((off <= room) | np.isnan(off) | np.isinf(bound.error))


@given(a=arrays(np.float32, (3, 7), elements=st.floats(-8, 8, width=32)), order=st.permutations(range(7)))
def test_sums_in_any_order(a, order):
    total = np.zeros(3, np.float32)
    for k in order:
        total = total + a[:, k]
    assert holds(rounding(a, 24).sum(axis=1), total)
    ones = np.ones((7, 2), np.float32)
    assert holds(rounding(a, 24) @ ones, np.stack([total, total], axis=1))


def test_a_bound_is_not_wide():
    """One rounding for one operation, n − 1 for a sum of n: it would be found out if each were counted twice."""
    one = rounding(np.array([1.0]), 24)
    assert (one + 1).error == pytest.approx(2 * 2**-24)
    assert (one * 1).error == pytest.approx(2**-24)
    assert np.exp(one).error == pytest.approx(ELEMENTARY * np.e * 2**-24)
    assert rounding(np.ones(9), 24).sum().error == pytest.approx(9 * many_roundings(8, 2**-24))
    product = rounding(np.ones((1, 9)), 24) @ np.ones((9, 1))
    assert product.error.item() == pytest.approx(9 * many_roundings(9, 2**-24))


# ---- decisions ----


def test_what_errors_leave_open_spans_both_sides():
    x = Bounded([-2.0, -0.5, 0.5, 2.0], [1.0] * 4)
    relu = np.where(x > 0, x, 0 * x)
    for shift in (-1.0, -0.25, 0.0, 0.75, 1.0):
        assert holds(relu, np.maximum(x.value + shift, 0))
    slope = 1.0 * (x > 0)
    assert slope.error.tolist() == [0, 1, 1, 0]
    assert (rounding(np.zeros(1), 24) > 0).error == 0  # exact numbers are told apart


def test_what_is_not_known_is_refused():
    with pytest.raises(TypeError):
        np.sin(rounding(np.ones(1), 24))
    with pytest.raises(TypeError):
        np.linalg.norm(rounding(np.ones(1), 24))
    assert "sin" not in RULES


# ---- the functions of maths/, as they stand ----

NETS = [
    (make, activation)
    for make in (policies.categorical_policy, policies.gaussian_policy)
    for activation in ("tanh", "relu")
]


@pytest.mark.parametrize(("make", "activation"), NETS, ids=lambda x: getattr(x, "__name__", x))
@pytest.mark.parametrize("seed", range(3))
def test_float32_networks_stay_within(make, activation, seed):
    """Forward, densities, gradients and Fisher products, by compiled kernels and by plain NumPy."""
    rng = np.random.default_rng(seed)
    policy = make(4, 3, (32, 32), activation)
    theta = (policies.init(policy, rng, 1.0) + 0.1 * rng.standard_normal(policies.size(policy))).astype(np.float32)
    obs = rng.standard_normal((64, 4)).astype(np.float32)
    action = policies.sample(policy, theta, obs, rng)
    weight, vector = rng.standard_normal(64).astype(np.float32), rng.standard_normal(len(theta)).astype(np.float32)

    def products(lift, plain):
        parameters = lift(theta)
        rows, cache = policies.forward(policy, parameters, plain(obs))
        acted = plain(action) if action.dtype.kind == "f" else action
        d_rows = plain(weight)[:, None] * policy.distribution.score(rows, acted)
        d_rows = d_rows + policy.distribution.entropy_grad(rows)
        yield rows
        yield policy.distribution.log_prob(rows, acted)
        yield policy.distribution.entropy(rows)
        yield policies.vjp(policy, parameters, cache, d_rows)
        yield policies.fisher_vector_product(policy, parameters, rows, cache, lift(vector), 0.1)

    bounds = list(products(lambda theta: rounding(theta, 24), lambda x: x.astype(float)))
    exact = list(products(lambda theta: theta.astype(float), lambda x: x.astype(float)))
    rounded = list(products(lambda theta: theta, lambda x: x))
    for bound, right, single in zip(bounds, exact, rounded, strict=True):
        bound = collected(bound, 24)
        assert single.dtype == np.float32
        assert holds(bound, right)
        assert holds(bound, single)
        size = np.abs(right).max()
        assert bound.error.max() < 0.02 * size  # and not so wide that nothing could be told


def test_they_agree_with_balls():
    """A ball's bound of the same formula is of the same size, its truth the same."""
    rng = np.random.default_rng(0)
    case = {name: rng.standard_normal(4).astype(np.float32) for name in ("log_prob", "log_prob_old", "advantage")}

    def loss(log_prob, log_prob_old, advantage):
        return objectives.ppo_clip(log_prob, log_prob_old, advantage, 0.25)[0].mean()

    bound = collected(loss(**{name: rounding(x, 24) for name, x in case.items()}), 24)
    assert bound.value == pytest.approx(truth(loss, **case)[0], rel=1e-14)
    assert 0.5 < bound.error / error_bound(loss, 24, **case)[0] < ELEMENTARY


def test_optimizers_and_value_losses_run_on_them():
    rng = np.random.default_rng(1)
    m, v, g = (rng.random(5).astype(np.float32) for _ in range(3))
    state, step = optimizers.adam(optimizers.Adam(m, v, 3), g, 0.1)
    bounded_state, bounded_step = optimizers.adam(
        optimizers.Adam(rounding(m, 24), rounding(v, 24), 3), rounding(g, 24), 0.1
    )
    assert holds(bounded_step, step)
    assert holds(bounded_state.v, state.v)
    loss, slope = values.clipped_value_loss(m, v, g, 0.25)
    bounded_loss, bounded_slope = values.clipped_value_loss(*(rounding(x, 24) for x in (m, v, g)), 0.25)
    assert holds(bounded_loss, loss)
    assert holds(bounded_slope, slope)


def test_a_bounded_array_is_an_array_of_bounded_numbers():
    x = Bounded([1.0, 2.0], [0.25, 0.5])
    value, error = pair(np.asarray(x))
    assert value.tolist() == [1.0, 2.0]
    assert error.tolist() == [0.25, 0.5]
