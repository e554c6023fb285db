"""AlphaZero's loss: the softmax of the legal logits alone, exact zeros elsewhere, derivatives by complex step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.maths import categorical, mlp, search_policy
from scratchrl.maths.mlp import MLP
from scratchrl.oracle.differentiation import complex_step, relative_error

NET = MLP((4, 6, 6), "tanh")
SEEDS = given(seed=st.integers(0, 2**32 - 1))


def masks(rng, rows, actions=5):
    """At least one legal move a row."""
    legal = rng.random((rows, actions)) < 0.6
    legal[np.arange(rows), rng.integers(0, actions, rows)] = True
    return legal


def shares(rng, legal):
    """What a search may say: some of the legal moves never tried."""
    visits = rng.integers(0, 5, legal.shape) * legal + legal * 1e-9
    return visits / visits.sum(axis=-1, keepdims=True)


def problem(seed, rows=12):
    rng = np.random.default_rng(seed)
    legal = masks(rng, rows)
    theta, obs = rng.standard_normal(mlp.size(NET)), rng.standard_normal((rows, 4))
    return theta, obs, legal, shares(rng, legal), rng.integers(-1, 2, rows).astype(float)


# ---- the policy ----


@SEEDS
def test_policy_is_the_softmax_of_the_legal_logits(seed):
    rng = np.random.default_rng(seed)
    logits, legal = 5 * rng.standard_normal((8, 5)), masks(rng, 8)
    p = search_policy.policy(logits, legal)
    for row in range(8):
        np.testing.assert_allclose(p[row, legal[row]], categorical.softmax(logits[row, legal[row]]), rtol=1e-14)
    assert (p[~legal] == 0).all()


@pytest.mark.parametrize("illegal", [1e300, -1e300, np.inf, -np.inf, np.nan])
def test_nothing_comes_through_from_an_illegal_logit(illegal):
    """Not even what would be infinite or no number if it were added or multiplied by anything."""
    rng = np.random.default_rng(0)
    logits, legal = rng.standard_normal((8, 5)), masks(rng, 8)
    target = shares(rng, legal)
    changed = np.where(legal, logits, illegal)
    np.testing.assert_array_equal(search_policy.policy(changed, legal), search_policy.policy(logits, legal))
    for got, expected in zip(
        search_policy.cross_entropy(changed, legal, target),
        search_policy.cross_entropy(logits, legal, target),
        strict=True,
    ):
        np.testing.assert_array_equal(got, expected)


def test_huge_logits_overflow_nowhere():
    logits, legal = np.array([[1e4, -1e4, 1e5, 9e3]]), np.array([[True, True, False, True]])
    np.testing.assert_array_equal(search_policy.policy(logits, legal), [[1, 0, 0, 0]])
    value, d_logits = search_policy.cross_entropy(logits, legal, np.array([[0.0, 1.0, 0.0, 0.0]]))
    assert value.tolist() == [2e4]
    np.testing.assert_array_equal(d_logits, [[1, -1, 0, 0]])


def test_rows_of_any_shape():
    rng = np.random.default_rng(5)
    logits, legal = rng.standard_normal((6, 5)), masks(rng, 6)
    target = shares(rng, legal)
    flat = search_policy.policy(logits, legal), *search_policy.cross_entropy(logits, legal, target)
    cube = [array.reshape(2, 3, 5) for array in (logits, legal, target)]
    solid = search_policy.policy(*cube[:2]), *search_policy.cross_entropy(*cube)
    for got, expected in zip(solid, flat, strict=True):
        np.testing.assert_array_equal(got, expected.reshape(2, 3, *expected.shape[1:]))
    one = search_policy.cross_entropy(logits[0], legal[0], target[0])
    np.testing.assert_array_equal(one[1], flat[2][0])


# ---- the cross-entropy ----


@SEEDS
def test_derivative_by_complex_step_and_exactly_zero_on_illegal_moves(seed):
    rng = np.random.default_rng(seed)
    logits, legal = 3 * rng.standard_normal((6, 5)), masks(rng, 6)
    target = rng.random() * shares(rng, legal)  # of any mass
    _, d_logits = search_policy.cross_entropy(logits, legal, target)
    truth = complex_step(lambda x: search_policy.cross_entropy(x, legal, target)[0].sum(), logits)
    assert relative_error(d_logits, truth) <= 1e-12
    assert (d_logits[~legal] == 0).all()


@SEEDS
def test_least_where_the_policy_is_what_the_search_says(seed):
    """H(π, p) − H(π, π) = KL(π‖p) ≥ 0, and the derivative is 0 at p = π."""
    rng = np.random.default_rng(seed)
    legal = masks(rng, 6)
    target = search_policy.policy(rng.standard_normal((6, 5)), legal)
    least, slope = search_policy.cross_entropy(np.where(legal, np.log(np.where(legal, target, 1)), 7.0), legal, target)
    np.testing.assert_allclose(slope, 0, atol=1e-15)
    np.testing.assert_allclose(least, -np.where(legal, target * np.log(np.where(legal, target, 1)), 0).sum(axis=1))
    other = search_policy.cross_entropy(rng.standard_normal((6, 5)), legal, target)[0]
    assert (other >= least - 1e-13).all()


def test_one_legal_move_leaves_nothing_to_learn():
    legal = np.eye(4, dtype=bool)
    value, d_logits = search_policy.cross_entropy(np.random.default_rng(0).standard_normal((4, 4)), legal, legal * 1.0)
    assert (value == 0).all()
    assert (d_logits == 0).all()


def test_with_all_moves_legal_it_is_the_log_prob_of_the_categorical():
    rng = np.random.default_rng(1)
    logits, action = rng.standard_normal((7, 5)), rng.integers(0, 5, 7)
    value, d_logits = search_policy.cross_entropy(logits, np.ones((7, 5), bool), np.eye(5)[action])
    np.testing.assert_allclose(value, -categorical.log_prob(logits, action), rtol=1e-14)
    np.testing.assert_allclose(d_logits, -categorical.score(logits, action), rtol=1e-13, atol=1e-16)


def test_the_surprise_of_what_is_all_but_certain_keeps_its_digits():
    """−log p = log(1 + e⁻⁵⁰), of which 1 + e⁻⁵⁰ = 1 in float64 would leave 0."""
    value, _ = search_policy.cross_entropy(np.array([[0.0, -50.0]]), np.ones((1, 2), bool), np.array([[1.0, 0.0]]))
    np.testing.assert_allclose(value, np.exp(-50.0), rtol=1e-14)


# ---- the value and the whole ----


def test_value_error_by_complex_step():
    x, outcome = np.random.default_rng(2).standard_normal(20), np.repeat([-1.0, 0.0, 1.0, 0.5], 5)
    value, d_x = search_policy.value_error(x, outcome)
    np.testing.assert_allclose(value, (np.tanh(x) - outcome) ** 2 / 2, rtol=1e-15)
    assert relative_error(d_x, complex_step(lambda x: search_policy.value_error(x, outcome)[0].sum(), x)) <= 1e-12


@pytest.mark.parametrize("decay", [0.0, 0.3])
@SEEDS
def test_gradient_is_the_complex_step_of_the_loss(decay, seed):
    theta, *rest = problem(seed)
    _, d_theta = search_policy.loss_and_grad(NET, theta, *rest, decay)
    truth = complex_step(lambda x: search_policy.loss_and_grad(NET, x, *rest, decay)[0], theta)
    assert relative_error(d_theta, truth) <= 1e-12


def test_loss_sample_by_sample():
    theta, obs, legal, target, outcome = problem(3)
    p, v = search_policy.predict(NET, theta, obs, legal)
    total = 0.0
    for b in range(len(obs)):
        total -= sum(target[b, a] * np.log(p[b, a]) for a in range(5) if legal[b, a])
        total += (v[b] - outcome[b]) ** 2 / 2
    expected = total / len(obs) + 0.3 / 2 * sum(theta**2)
    assert search_policy.loss_and_grad(NET, theta, obs, legal, target, outcome, 0.3)[0] == pytest.approx(expected)
    y, _ = mlp.forward(NET, theta, obs)
    np.testing.assert_array_equal(p, search_policy.policy(y[:, :5], legal))
    np.testing.assert_array_equal(v, np.tanh(y[:, 5]))


def test_weights_of_a_move_that_is_never_legal_do_not_move():
    theta, obs, legal, target, outcome = problem(4)
    legal[:, 2], legal[:, 0] = False, True
    target = shares(np.random.default_rng(4), legal)
    w, b = mlp.layers(NET, search_policy.loss_and_grad(NET, theta, obs, legal, target, outcome, 0.0)[1])[-1]
    assert (w[:, 2] == 0).all()
    assert b[2] == 0
    assert (np.delete(w, 2, axis=1) != 0).all()


# ---- errors ----


def test_arguments_are_checked():
    logits, legal, target = np.zeros((2, 3)), np.ones((2, 3), bool), np.full((2, 3), 1 / 3)
    none = legal & np.array([[True], [False]])
    for wrong in (legal[:1], legal.astype(float), none):
        with pytest.raises(ValueError, match=r"legal: expected \(2, 3\) booleans, one True a row"):
            search_policy.policy(logits, wrong)
    with pytest.raises(ValueError, match="target: expected"):
        search_policy.cross_entropy(logits, legal, target[:, :2])
    with pytest.raises(ValueError, match=r"target: expected .* 0 on illegal moves"):
        search_policy.cross_entropy(logits, legal & [True, True, False], target)
