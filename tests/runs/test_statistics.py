"""Student's interval and the moving mean."""

import numpy as np
import pytest
from scipy import stats

from scratchrl.runs.statistics import mean_interval, moving_mean


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
def test_interval_is_scipys(confidence):
    x = np.random.default_rng(0).normal(3, 2, 17)
    interval = mean_interval(x, confidence)
    assert interval.standard_error == pytest.approx(stats.sem(x), rel=1e-14)
    expected = stats.t.interval(confidence, len(x) - 1, x.mean(), stats.sem(x))
    np.testing.assert_allclose([interval.low, interval.high], expected, rtol=1e-13)


def test_interval_covers_the_mean_as_often_as_it_says():
    """2,000 samples of 5 normal draws; the count lies within 5 standard deviations of 1,900, false alarm 6e-7."""
    samples = np.random.default_rng(1).normal(size=(2000, 5))
    hits = sum(low <= 0 <= high for _, _, low, high in map(mean_interval, samples))
    assert abs(hits - 1900) < 5 * np.sqrt(2000 * 0.95 * 0.05)


def test_one_draw_has_no_interval():
    interval = mean_interval(np.array([4.0]))
    assert interval.mean == 4.0
    assert np.isnan(interval[1:]).all()


@pytest.mark.parametrize("sample", [np.zeros(0), np.zeros((2, 2))])
def test_bad_samples_are_refused(sample):
    with pytest.raises(ValueError, match="sample: expected shape"):
        mean_interval(sample)


@pytest.mark.parametrize("window", [1, 3, 10])
def test_moving_mean_is_its_definition(window):
    x = np.random.default_rng(2).normal(size=8)
    plain = [x[max(0, k - window + 1) : k + 1].mean() for k in range(len(x))]
    np.testing.assert_allclose(moving_mean(x, window), plain, rtol=1e-12)
