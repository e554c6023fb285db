"""The network against a loop over single neurons, and its four products with the Jacobian against complex steps."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.maths import kernels, mlp, network_loops
from scratchrl.maths.mlp import MLP
from scratchrl.oracle import strategies
from scratchrl.oracle.differentiation import (
    central_difference,
    complex_step,
    complex_step_directional,
    dot_test,
    subgradient_excess,
)

PHI = {"identity": lambda z: z, "tanh": math.tanh, "relu": lambda z: max(z, 0.0)}
SLOPE = {"identity": lambda z: 1.0, "tanh": lambda z: 1 / math.cosh(z) ** 2, "relu": lambda z: float(z > 0)}
COVER = pytest.mark.parametrize("activation", sorted(mlp.ACTIVATIONS))
DEPTHS = pytest.mark.parametrize("depth", [1, 2, 3, 4])
SEEDS = st.integers(0, 2**32 - 1)


def near(got, truth, bound=1e-12):
    np.testing.assert_allclose(got, truth, rtol=0, atol=bound * max(1.0, np.abs(truth).max()), strict=True)


def normal(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape) for shape in shapes]


def neurons(net, theta, x):
    """One row through the net, a neuron at a time, θ read from front to back."""
    numbers, h = iter(theta.tolist()), list(x)
    for layer, (n, m) in enumerate(zip(net.sizes, net.sizes[1:], strict=False)):
        weights = [[next(numbers) for _ in range(m)] for _ in range(n)]
        z = [next(numbers) + sum(h[i] * weights[i][j] for i in range(n)) for j in range(m)]
        h = z if layer == len(net.sizes) - 2 else [PHI[net.activation](number) for number in z]
    return h


# ---- values ----


@given(strategies.mlps())
def test_forward_is_a_loop_over_neurons(network):
    net, theta, x = network
    near(mlp.forward(net, theta, x)[0], np.array([neurons(net, theta, row) for row in x]), 1e-14)


@given(strategies.mlps())
def test_forward_in_float32_is_forward_in_float64_rounded(network):
    """Compiled from C-ordered arrays, by NumPy from any other; derivatives find what they need in either cache."""
    net, theta, x = network
    y, cache = mlp.forward(net, theta, x)
    for view in (x, np.asfortranarray(x)):
        narrow, narrow_cache = mlp.forward(net, theta.astype(np.float32), view.astype(np.float32, order="K"))
        assert narrow.dtype == np.float32
        for got, truth in zip((narrow, *narrow_cache), (y, *cache), strict=True):
            near(got.astype(np.float64), truth, 1e-4)


@given(strategies.mlps(), st.sampled_from([np.float32, np.float64]))
def test_predictor_is_forward_to_the_bit_however_many_rows_come(network, dtype):
    """Also with inputs that the compiled pass does not take: another precision, another order in memory."""
    net, theta, x = network
    theta, x = theta.astype(dtype), x.astype(dtype)
    predict = mlp.predictor(net, theta)
    for rows in (x, np.tile(x, (2, 1)), x[:1], np.asfortranarray(x), x.astype(np.float64)):
        np.testing.assert_array_equal(predict(rows), mlp.forward(net, theta, rows)[0])


@pytest.mark.parametrize("hidden", [(), (3,), (64, 5), (70, 3), (3, 70)])
@pytest.mark.parametrize("rows", [0, 1, 2, 127, 128, 255, 256, 257, 600])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_output_is_forward_to_the_bit_whatever_blocks_share_a_room(hidden, rows, dtype):
    net = MLP((2, *hidden, 3))
    theta, x = (array.astype(dtype) for array in normal(0, mlp.size(net), (rows, 2)))
    np.testing.assert_array_equal(mlp.output(net, theta, x), mlp.forward(net, theta, x)[0], strict=True)
    for bad in ((theta[1:], x), (theta, x[:, 1:])):
        with pytest.raises(ValueError, match="expected shape"):
            mlp.output(net, *bad)


def test_no_block_of_the_kernels_has_more_rows_than_output_makes_room_for():
    assert 2 * network_loops.BLOCK <= mlp.ROOM


def test_predictor_keeps_its_room_where_the_compiled_pass_takes_the_input_and_forgets_nothing_else():
    net, (theta, x) = MLP((2, 3, 1)), (array.astype(np.float32) for array in normal(0, 13, (4, 2)))
    strided = np.repeat(theta, 2)[::2]
    assert mlp.predictor(net, theta)(x) is not mlp.predictor(net, theta)(x)
    for parameters, inputs, again in (
        (theta, x, True), (theta, np.asfortranarray(x), False), (theta, x.astype(float), False),
        (strided, x, False), (theta.astype(float), x, False), (theta.astype(complex), x, False),
    ):  # fmt: skip
        predict = mlp.predictor(net, parameters)
        y = predict(inputs)
        np.testing.assert_array_equal(y, mlp.forward(net, parameters, inputs)[0], strict=True)
        assert (predict(inputs) is y) == again


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_predictor_names_what_is_wrong_when_it_is_made_and_when_it_is_called(dtype):
    net, theta = MLP((2, 3, 1)), np.zeros(13, dtype)
    with pytest.raises(ValueError, match=r"^theta: expected"):
        mlp.predictor(net, theta[1:])
    for rows in (1, 2):
        with pytest.raises(ValueError, match=r"^x: expected"):
            mlp.predictor(net, theta)(np.zeros((rows, 3), dtype))
    predict = mlp.predictor(net, theta)
    predict(np.zeros((2, 2), dtype))
    for shape in ((2, 3), (2,), (2, 2, 1)):
        with pytest.raises(ValueError, match=r"^x: expected"):
            predict(np.zeros(shape, dtype))


def test_what_fits_the_kernels_is_counted_by_the_outputs_in_integers_of_either_kind():
    net = MLP((2, 3, 5))
    theta, x = np.zeros(mlp.size(net), np.float32), np.zeros((2, 2), np.float32)
    for kind in (np.int64, np.uint8):
        assert mlp.fits(net, (theta,), (x,), np.array([0, 4], kind))
        assert not mlp.fits(net, (theta,), (x,), np.array([0, 5], kind))
    with pytest.raises(ValueError, match="theta: expected"):
        mlp.repeated(net, theta[1:], kernels.mlp_forward)


def test_the_pull_back_to_the_input_is_the_kernels_in_every_layer_of_a_deep_network():
    net = MLP((2, 3, 4, 3, 2))
    theta, x, d_y = normal(0, mlp.size(net), (5, 2), (5, 2))
    cache = mlp.forward(net, theta, x)[1]
    formula = mlp.vjp_input(net, theta.astype(complex), [h.astype(complex) for h in cache], d_y.astype(complex))
    near(mlp.vjp_input(net, theta, cache, d_y), formula.real)


def test_layers_are_views():
    net, theta = MLP((2, 3, 1)), np.zeros(mlp.size(MLP((2, 3, 1))))
    for w, b in mlp.layers(net, theta):
        w += 1
        b += 2
    np.testing.assert_array_equal(theta, [1] * 6 + [2] * 3 + [1] * 3 + [2])


# ---- derivatives ----


@DEPTHS
@COVER
@given(st.data(), SEEDS)
def test_vjp_and_vjp_input_are_complex_step_gradients(depth, activation, data, seed):
    net, theta, x = data.draw(strategies.mlps(depth=depth, activation=activation))
    y, cache = mlp.forward(net, theta, x)
    (d_y,) = normal(seed, y.shape)

    def projected(theta, x):
        return (d_y * mlp.forward(net, theta, x)[0]).sum()

    near(mlp.vjp(net, theta, cache, d_y), complex_step(lambda theta: projected(theta, x), theta))
    near(mlp.vjp_input(net, theta, cache, d_y), complex_step(lambda x: projected(theta, x), x))


@DEPTHS
@COVER
def test_vjp_takes_the_kernel_where_it_can_and_is_the_same_formula_elsewhere(depth, activation, monkeypatch):
    net = MLP((3, 4, 5, 4, 2)[-depth - 1 :], activation)
    theta, x, d_y = normal(1, mlp.size(net), (6, net.sizes[0]), (6, 2))
    cache = mlp.forward(net, theta, x)[1]
    compiled = mlp.vjp(net, theta, cache, d_y)
    monkeypatch.setattr(mlp.kernels, "mlp_vjp", lambda *_: "kernel")
    assert mlp.vjp(net, theta, cache, d_y) == "kernel"
    near(mlp.vjp(net, theta, cache, np.asfortranarray(d_y)), compiled, 1e-14)
    near(mlp.vjp(net, theta, cache, d_y * 1j), compiled * 1j, 1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, complex])
def test_of_no_rows_the_gradient_is_zero(dtype):
    net, theta = MLP((3, 4, 2)), normal(1, 26)[0].astype(dtype)
    cache = mlp.forward(net, theta, np.empty((0, 3), dtype))[1]
    np.testing.assert_array_equal(mlp.vjp(net, theta, cache, np.empty((0, 2), dtype)), np.zeros(26, dtype), strict=True)


@DEPTHS
@COVER
@given(st.data(), SEEDS)
def test_jvp_and_jvp_input_are_complex_steps_along_a_direction(depth, activation, data, seed):
    net, theta, x = data.draw(strategies.mlps(depth=depth, activation=activation))
    d_theta, d_x = normal(seed, theta.shape, x.shape)
    cache = mlp.forward(net, theta, x)[1]
    truth = complex_step_directional(lambda theta: mlp.forward(net, theta, x)[0], theta, d_theta)
    near(mlp.jvp(net, theta, cache, d_theta), truth)
    truth = complex_step_directional(lambda x: mlp.forward(net, theta, x)[0], x, d_x)
    near(mlp.jvp_input(net, theta, cache, d_x), truth)


@DEPTHS
@COVER
@given(st.data(), SEEDS)
def test_forward_and_reverse_products_are_transposes(depth, activation, data, seed):
    net, theta, x = data.draw(strategies.mlps(depth=depth, activation=activation))
    y, cache = mlp.forward(net, theta, x)
    d_y, d_theta, d_x = normal(seed, y.shape, theta.shape, x.shape)
    pairs = [(mlp.jvp, mlp.vjp, d_theta), (mlp.jvp_input, mlp.vjp_input, d_x)]
    for jvp, vjp, v in pairs:
        error = dot_test(lambda v, f=jvp: f(net, theta, cache, v), lambda u, f=vjp: f(net, theta, cache, u), v, d_y)
        assert error <= 1e-13


@pytest.mark.parametrize("activation", ["identity", "tanh"])
@given(st.data(), SEEDS)
def test_central_differences_are_a_second_witness(activation, data, seed):
    net, theta, x = data.draw(strategies.mlps(depth=2, activation=activation))
    y, cache = mlp.forward(net, theta, x)
    (d_y,) = normal(seed, y.shape)
    value, error = central_difference(lambda theta: (d_y * mlp.forward(net, theta, x)[0]).sum(), theta)
    assert error.max() < 1e-7
    assert (np.abs(mlp.vjp(net, theta, cache, d_y) - value) <= error + 1e-11).all()


@COVER
@given(st.floats(-2, 2))
def test_one_neuron_has_the_textbook_slope(activation, z):
    net, theta = MLP((1, 1, 1), activation), np.array([1.0, 0.0, 1.0, 0.0])
    cache = mlp.forward(net, theta, np.array([[z]]))[1]
    near(mlp.vjp_input(net, theta, cache, np.ones((1, 1))), np.array([[SLOPE[activation](z)]]), 1e-14)


@given(st.floats(-4, 4))
def test_relu_takes_a_slope_between_the_one_sided_ones_and_zero_at_the_kink(z):
    net, theta = MLP((1, 1, 1), "relu"), np.array([1.0, 0.0, 1.0, 0.0])

    def relu(x):
        return mlp.forward(net, theta, x)[0]

    for x in (np.array([[z]]), np.zeros((1, 1))):
        slope = mlp.vjp_input(net, theta, mlp.forward(net, theta, x)[1], np.ones((1, 1)))
        assert subgradient_excess(relu, x, slope).max() <= 1e-9
    assert slope.item() == 0


@given(strategies.mlps(depth=3), SEEDS)
def test_rows_never_mix(network, seed):
    net, theta, x = network
    y, cache = mlp.forward(net, theta, x)
    d_y, d_x = normal(seed, y.shape, x.shape)
    d_y[1:], d_x[1:] = 0, 0
    assert not mlp.vjp_input(net, theta, cache, d_y)[1:].any()
    assert not mlp.jvp_input(net, theta, cache, d_x)[1:].any()
    alone = mlp.forward(net, theta, x[:1])[1]
    near(mlp.vjp(net, theta, cache, d_y), mlp.vjp(net, theta, alone, d_y[:1]))


# ---- errors ----


@pytest.mark.parametrize(
    ("name", "net", "theta", "x"),
    [
        ("activation", MLP((2, 1), "sigmoid"), np.zeros(3), np.zeros((1, 2))),
        ("theta", MLP((2, 1)), np.zeros(4), np.zeros((1, 2))),
        ("x", MLP((2, 1)), np.zeros(3), np.zeros((1, 3))),
        ("x", MLP((2, 1)), np.zeros(3), np.zeros(2)),
    ],
)
def test_errors_name_the_argument(name, net, theta, x):
    with pytest.raises(ValueError, match=rf"^{name}: expected"):
        mlp.forward(net, theta, x)
