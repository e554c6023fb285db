"""The derivative of the backward pass: by complex step through the backward pass itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.maths import mlp
from scratchrl.maths.mlp import MLP
from scratchrl.maths.pearlmutter import vjp_derivative
from scratchrl.oracle.differentiation import complex_step_directional, relative_error

NETS = [MLP((3, 2)), MLP((3, 5, 2)), MLP((3, 5, 4, 2), "tanh"), MLP((3, 5, 4, 2), "relu"), MLP((2, 3, 1), "identity")]


def problem(net, seed):
    rng = np.random.default_rng(seed)
    theta, direction, other = rng.standard_normal((3, mlp.size(net)))
    x = rng.standard_normal((6, net.sizes[0]))
    x[0, 0] = 0
    d_y, change = rng.standard_normal((2, 6, net.sizes[-1]))
    return theta, direction, other, x, d_y, change


@pytest.mark.parametrize("net", NETS)
@given(seed=st.integers(0, 2**32 - 1))
def test_it_is_the_complex_step_of_the_backward_pass(net, seed):
    theta, direction, _, x, d_y, change = problem(net, seed)

    def gradient(t):
        at = theta + t * direction
        return mlp.vjp(net, at, mlp.forward(net, at, x)[1], d_y + t * change)

    got = vjp_derivative(net, theta, mlp.forward(net, theta, x)[1], d_y, direction, change)
    truth = complex_step_directional(lambda t: gradient(t[0]), np.zeros(1), np.ones(1))
    assert relative_error(got, truth) <= 1e-12


@given(seed=st.integers(0, 2**32 - 1))
def test_second_derivatives_commute(seed):
    """⟨w, (uᵀ∂²y) v⟩ = ⟨v, (uᵀ∂²y) w⟩."""
    net = MLP((3, 5, 4, 2))
    theta, v, w, x, d_y, _ = problem(net, seed)
    cache = mlp.forward(net, theta, x)[1]
    one, two = (vjp_derivative(net, theta, cache, d_y, direction, 0 * d_y) for direction in (v, w))
    assert w @ one == pytest.approx(v @ two, rel=1e-11, abs=1e-11 * np.linalg.norm(w) * np.linalg.norm(one))
