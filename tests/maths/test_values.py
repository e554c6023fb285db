"""Value losses: complex step, slopes at the kinks, the printed formulas; explained variance: its identities."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scratchrl.maths.values import clipped_value_loss, explained_variance, huber, mse
from scratchrl.oracle.differentiation import complex_step, subgradient_excess

ENTRIES = st.floats(-10, 10)
TRIPLES = st.integers(1, 6).flatmap(lambda n: arrays(np.float64, (3, n), elements=ENTRIES))
PAIRS = st.integers(2, 8).flatmap(lambda n: arrays(np.float64, (2, n), elements=ENTRIES))
CLIPS = st.floats(0.01, 5)
QUARTERS = st.integers(-12, 12).map(lambda n: n / 4)  # exact in binary, so ties and ends of the clip are hit exactly


# ---- derivatives ----


@given(PAIRS)
def test_mse_is_half_the_square_and_its_derivative_the_error(pair):
    value, target = pair
    loss, d_value = mse(value, target)
    np.testing.assert_array_equal(loss, 0.5 * (value - target) ** 2)
    truth = np.diag(complex_step(lambda value: mse(value, target)[0], value))
    np.testing.assert_allclose(d_value, truth, rtol=1e-15, atol=1e-15)


@given(TRIPLES, CLIPS)
def test_clipped_derivative_is_the_complex_step(triple, clip):
    """Away from the kinks, where the imaginary part would decide: v = v_old ± c, and R halfway to that end."""
    value, value_old, target = triple
    for end in (value_old - clip, value_old + clip):
        assume(np.abs([value - end, value + end - 2 * target]).min() > 1e-9)
    _, d_value = clipped_value_loss(value, value_old, target, clip)
    truth = np.diag(complex_step(lambda value: clipped_value_loss(value, value_old, target, clip)[0], value))
    np.testing.assert_allclose(d_value, truth, rtol=1e-14, atol=1e-15)


@given(QUARTERS, QUARTERS, QUARTERS, st.sampled_from([0.25, 1.0, 1.5]))
def test_clipped_derivative_lies_between_the_one_sided_slopes(value, value_old, target, clip):
    """Everywhere, and exactly at the kinks: on this grid v = v_old ± c and equal squares are common."""
    value, value_old, target = (np.array([x]) for x in (value, value_old, target))
    _, d_value = clipped_value_loss(value, value_old, target, clip)
    excess = subgradient_excess(lambda value: clipped_value_loss(value, value_old, target, clip)[0], value, d_value)
    assert excess[0] == 0


def test_the_kinks_by_hand():
    """v_old = 0, c = 1: the ends of the clip seen from R = ±2, and v = 3, as far from R = 2 as the end 1 is."""
    value, value_old, target = np.array([1.0, 3.0, 1.0, -1.0]), np.zeros(4), np.array([2.0, 2.0, -2.0, -2.0])
    loss, d_value = clipped_value_loss(value, value_old, target, 1.0)
    np.testing.assert_array_equal(loss, [0.5, 0.5, 4.5, 0.5])
    np.testing.assert_array_equal(d_value, [-1.0, 1.0, 3.0, 1.0])


# ---- the clipped loss ----


@given(TRIPLES, CLIPS)
def test_clipped_loss_is_the_printed_maximum(triple, clip):
    """As printed, v_old + clip(v − v_old, −c, c), whose last bits differ from clip(v, v_old − c, v_old + c)."""
    value, value_old, target = triple
    clipped = value_old + np.clip(value - value_old, -clip, clip)
    expected = 0.5 * np.maximum((value - target) ** 2, (clipped - target) ** 2)
    got, _ = clipped_value_loss(value, value_old, target, clip)
    np.testing.assert_allclose(got, expected, rtol=1e-13, atol=1e-13)


@given(TRIPLES, CLIPS)
def test_clipped_loss_is_never_below_mse_and_is_mse_within_the_clip(triple, clip):
    value, value_old, target = triple
    plain, clipped = mse(value, target), clipped_value_loss(value, value_old, target, clip)
    assert np.all(clipped[0] >= plain[0])
    within = (value_old - clip <= value) & (value <= value_old + clip)
    for got, expected in zip(clipped, plain, strict=True):
        np.testing.assert_array_equal(got[within], expected[within])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rounding_within_the_clip_never_stops_a_gradient(dtype):
    """v_old + (v − v_old) often misses v by a last bit; where that error is the larger one the slope would be 0."""
    rng = np.random.default_rng(0)
    value, target = rng.uniform(-0.1, 0.1, size=(2, 1000)).astype(dtype)
    value_old = rng.uniform(0.5, 0.9, size=1000).astype(dtype)  # v − v_old has a coarser last bit than v
    as_printed = value_old + np.clip(value - value_old, -1.0, 1.0)
    assert np.mean((as_printed - target) ** 2 > (value - target) ** 2) > 0.3
    np.testing.assert_array_equal(clipped_value_loss(value, value_old, target, 1.0)[1], value - target)


@given(TRIPLES, CLIPS)
def test_clipped_loss_is_symmetric_and_moves_along(triple, clip):
    """Turning every sign turns the derivative; v, v_old, R, c scaled by 2 scale the loss by 4."""
    value, value_old, target = triple
    loss, d_value = clipped_value_loss(value, value_old, target, clip)
    turned, d_turned = clipped_value_loss(-value, -value_old, -target, clip)
    np.testing.assert_array_equal(turned, loss)
    np.testing.assert_array_equal(d_turned, -d_value)
    doubled, d_doubled = clipped_value_loss(2 * value, 2 * value_old, 2 * target, 2 * clip)
    np.testing.assert_array_equal(doubled, 4 * loss)
    np.testing.assert_array_equal(d_doubled, 2 * d_value)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_dtype_is_kept(dtype):
    x = np.array([1.0, 3.0], dtype)
    outputs = (*mse(x, x), *clipped_value_loss(x, 0 * x, 2 * x, 0.5), *huber(x, 0.5))
    assert {output.dtype for output in outputs} == {np.dtype(dtype)}


@pytest.mark.parametrize("clip", [0.0, -0.2, np.nan])
def test_a_clip_that_is_not_positive_is_refused(clip):
    with pytest.raises(ValueError, match="clip: expected a positive number"):
        clipped_value_loss(np.ones(1), np.ones(1), np.ones(1), clip)


# ---- huber: errors in ±10, δ in [0.01, 5] ----

ERRORS = st.integers(1, 8).flatmap(lambda n: arrays(np.float64, n, elements=ENTRIES))


@given(ERRORS, CLIPS)
def test_huber_is_its_two_branches(error, delta):
    loss, d_error = huber(error, delta)
    inside = np.abs(error) <= delta
    np.testing.assert_array_equal(loss[inside], (0.5 * error**2)[inside])
    np.testing.assert_allclose(loss[~inside], (delta * (np.abs(error) - 0.5 * delta))[~inside], rtol=1e-14)
    np.testing.assert_array_equal(d_error, np.clip(error, -delta, delta))


@given(ERRORS, CLIPS)
def test_huber_derivative_is_the_complex_step(error, delta):
    """Also at |e| = δ, where the slope has a kink and the value has none."""
    error = np.append(error, [delta, -delta])
    truth = np.diag(complex_step(lambda error: huber(error, delta)[0], error))
    np.testing.assert_allclose(huber(error, delta)[1], truth, rtol=1e-15, atol=1e-15)


@given(QUARTERS, st.sampled_from([0.25, 1.0, 1.5]))
def test_huber_derivative_is_both_one_sided_slopes(error, delta):
    """On this grid e = ±δ is common, and there too the two slopes agree."""
    error = np.array([error])
    assert subgradient_excess(lambda e: huber(e, delta)[0], error, huber(error, delta)[1])[0] == 0


@given(CLIPS)
def test_huber_is_continuous_with_its_slope_at_the_ends(delta):
    ends = np.array([-delta, delta])
    for just in (np.nextafter(ends, 0), np.nextafter(ends, 10 * ends)):
        for there, at in zip(huber(just, delta), huber(ends, delta), strict=True):
            np.testing.assert_allclose(there, at, rtol=1e-15)


@given(ERRORS, CLIPS)
def test_huber_without_a_bound_is_half_the_square_and_with_a_small_one_the_absolute_value(error, delta):
    for unbounded in (np.inf, 10.0):
        for got, truth in zip(huber(error, unbounded), mse(error, 0 * error), strict=True):
            np.testing.assert_array_equal(got, truth)
    tiny = 2.0**-40
    loss, d_error = huber(error, tiny)
    np.testing.assert_allclose(loss / tiny, np.abs(error), rtol=0, atol=tiny)
    far = np.abs(error) > tiny
    np.testing.assert_array_equal((d_error / tiny)[far], np.sign(error)[far])


@given(ERRORS, CLIPS, CLIPS)
def test_huber_grows_with_delta_and_lies_between_zero_and_half_the_square(error, delta, other):
    low, high = (huber(error, d)[0] for d in sorted((delta, other)))
    assert (low >= 0).all()
    assert (low <= high * (1 + 1e-15)).all()
    assert (high <= 0.5 * error**2 * (1 + 1e-15)).all()


@given(ERRORS, CLIPS)
def test_huber_is_even_and_scales_with_its_unit(error, delta):
    loss, d_error = huber(error, delta)
    for factor in (-1.0, 2.0, -0.5):
        scaled, d_scaled = huber(factor * error, abs(factor) * delta)
        np.testing.assert_array_equal(scaled, factor**2 * loss)
        np.testing.assert_array_equal(d_scaled, factor * d_error)


def test_huber_of_a_huge_error_does_not_overflow():
    loss, d_error = huber(np.array([1e300, -np.inf, np.nan]), 2.0)
    np.testing.assert_array_equal(loss, [2e300, np.inf, np.nan])
    np.testing.assert_array_equal(d_error, [2.0, -2.0, np.nan])


@pytest.mark.parametrize("delta", [0.0, -1.0, np.nan])
def test_a_delta_that_is_not_positive_is_refused(delta):
    with pytest.raises(ValueError, match="delta: expected a positive number"):
        huber(np.ones(1), delta)


# ---- explained variance ----


@given(PAIRS)
def test_explained_variance_is_one_minus_the_ratio_of_variances(pair):
    value, target = pair
    assume(target.std() > 1e-3)
    expected = 1 - np.var(target - value) / np.var(target)
    assert explained_variance(value, target) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@given(PAIRS)
def test_explained_variance_of_the_best_line_is_the_squared_correlation(pair):
    feature, target = pair
    assume(target.std() > 1e-2)
    assume(feature.std() > 1e-2)
    slope = ((feature - feature.mean()) * (target - target.mean())).sum() / ((feature - feature.mean()) ** 2).sum()
    correlation = np.corrcoef(feature, target)[0, 1]
    assert explained_variance(slope * feature, target) == pytest.approx(correlation**2, abs=1e-9)


@given(PAIRS, st.floats(-10, 10), st.integers(-5, 5))
def test_explained_variance_ignores_an_offset_and_a_common_scale(pair, offset, exponent):
    value, target = pair
    assume(target.std() > 1e-2)
    expected = pytest.approx(explained_variance(value, target), rel=1e-9, abs=1e-9)
    assert explained_variance(value + offset, target) == expected
    assert explained_variance(2.0**exponent * value, 2.0**exponent * target) == expected


def test_explained_variance_of_a_constant_target():
    constant = np.full(7, 0.1)  # the mean of seven 0.1s is not 0.1: variance by rounding, 1e-34, must not be divided by
    assert explained_variance(constant, constant) == 1
    assert explained_variance(constant - 3, constant) == 1
    assert explained_variance(np.arange(7.0), constant) == 0
    assert explained_variance(np.zeros(1), np.ones(1)) == 1


def test_explained_variance_of_the_largest_numbers_there_are():
    target = np.array([-1e308, 1.7e308, 1e308])
    assert explained_variance(target / 2, target) == pytest.approx(0.75)


def test_explained_variance_of_nothing_is_refused():
    with pytest.raises(ValueError, match="target: expected at least one sample"):
        explained_variance(np.zeros(0), np.zeros(0))
