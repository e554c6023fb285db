"""Initial weights: orthogonality exactly, distribution at stated false-alarm rates, and the layout of θ₀."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.maths import initialization, mlp
from scratchrl.maths.mlp import MLP

SIZES = st.integers(1, 6)


@given(SIZES, SIZES, st.floats(0.01, 3), st.integers(0, 2**32 - 1))
def test_orthogonal_stretches_every_vector_of_the_smaller_space_by_the_gain(n, m, gain, seed):
    w = initialization.orthogonal(np.random.default_rng(seed), n, m, gain)
    assert w.shape == (n, m)
    gram = w.T @ w if n >= m else w @ w.T
    np.testing.assert_allclose(gram, gain**2 * np.eye(min(n, m)), rtol=0, atol=1e-14 * gain**2)


def test_orthogonal_is_uniform_and_keeps_no_sign_from_the_factorisation():
    """For Haar 2 × 2 matrices each entry has mean 0 and variance 1/2; without the sign rule R_ii > 0 fixes signs.

    4000 draws: a mean is off by 5σ = 5 √(1/8000) at a false-alarm rate of 6e-7 per entry; w² has standard deviation √⅛.
    """
    rng = np.random.default_rng(0)
    w = np.array([initialization.orthogonal(rng, 2, 2) for _ in range(4000)])
    assert np.abs(w.mean(axis=0)).max() < 5 * math.sqrt(1 / 2 / 4000)
    assert np.abs((w**2).mean(axis=0) - 0.5).max() < 5 * math.sqrt(1 / 8 / 4000)
    assert abs(np.mean(np.linalg.det(w) > 0) - 0.5) < 5 * math.sqrt(1 / 4 / 4000)


def test_glorot_is_uniform_with_its_variance():
    """u² on ±a has mean a²/3 and variance 4a⁴/45: 5σ of the mean of 40 000 is a false-alarm rate of 6e-7."""
    n, m, gain = 100, 400, 1.5
    w = initialization.glorot(np.random.default_rng(0), n, m, gain)
    a = gain * math.sqrt(6 / (n + m))
    assert w.shape == (n, m)
    assert 0.999 * a < np.abs(w).max() <= a  # P(all of 40 000 under 0.999 a) = 4e-18
    assert abs((w**2).mean() - gain**2 * 2 / (n + m)) < 5 * a**2 * math.sqrt(4 / 45 / w.size)
    assert abs(w.mean()) < 5 * a / math.sqrt(3 * w.size)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_init_fills_hidden_layers_with_gain_root_two_the_last_with_gain_and_biases_with_zero(dtype):
    net = MLP((5, 4, 3, 2))
    theta = initialization.init(net, np.random.default_rng(0), gain=0.01, dtype=dtype)
    assert theta.dtype == dtype
    for l, (w, b) in enumerate(mlp.layers(net, theta)):
        gain = 0.01 if l == 2 else math.sqrt(2)
        np.testing.assert_allclose(w.T @ w, gain**2 * np.eye(w.shape[1]), rtol=0, atol=1e-6 * gain**2)
        assert not b.any()


def test_the_last_layer_is_orthogonal_with_gain_one_and_float64_unless_told_otherwise():
    usual = initialization.init(MLP((3, 4, 2)), np.random.default_rng(0))
    told = initialization.init(MLP((3, 4, 2)), np.random.default_rng(0), 1.0, "orthogonal", np.float64)
    np.testing.assert_array_equal(usual, told, strict=True)


def test_init_takes_the_scheme_and_nothing_but_the_generator_decides():
    net = MLP((3, 3, 1))
    theta = initialization.init(net, np.random.default_rng(7), scheme="glorot")
    (w, _), _ = mlp.layers(net, theta)
    np.testing.assert_array_equal(w, initialization.glorot(np.random.default_rng(7), 3, 3, math.sqrt(2)))
    np.testing.assert_array_equal(theta, initialization.init(net, np.random.default_rng(7), scheme="glorot"))


@pytest.mark.parametrize(
    ("name", "net", "scheme"),
    [("scheme", MLP((1, 1)), "he"), ("sizes", MLP((1,)), "glorot"), ("sizes", MLP((1, 0)), "glorot")],
)
def test_errors_name_the_argument(name, net, scheme):
    with pytest.raises(ValueError, match=rf"^{name}: expected"):
        initialization.init(net, np.random.default_rng(0), scheme=scheme)


def test_an_activation_that_is_not_known_is_refused():
    with pytest.raises(ValueError, match="activation: expected one of identity, tanh, relu, got 'silu'"):
        initialization.init(MLP((2, 3, 1), "silu"), np.random.default_rng(0))
