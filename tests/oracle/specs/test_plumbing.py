"""Optimizers, target networks and running statistics as other people write them, called what they are."""

import numpy as np
import pytest

from scratchrl.oracle.diagnosis import diagnose


def judged(subject, against, **options):
    return diagnose(subject, against, max_examples=60, **options)


# ---- optimizers ----


def textbook(theta, grad, m, v, t, alpha, beta1, beta2, epsilon):
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    return theta - alpha * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + epsilon), m, v


def step_counted_inside(param, grad, exp_avg, exp_avg_sq, state_step, lr, betas, eps):
    step = state_step + 1
    beta1, beta2 = betas
    exp_avg = exp_avg + (1 - beta1) * (grad - exp_avg)
    exp_avg_sq = beta2 * exp_avg_sq + (1 - beta2) * grad * grad
    denominator = np.sqrt(exp_avg_sq) / np.sqrt(1 - beta2**step) + eps
    return param - lr / (1 - beta1**step) * (exp_avg / denominator)


def epsilon_hat(gradient, m, v, t, lr, beta1, beta2, eps):
    m = beta1 * m + (1 - beta1) * gradient
    v = beta2 * v + (1 - beta2) * np.square(gradient)
    return -lr * np.sqrt(1 - beta2**t) / (1 - beta1**t) * m / (np.sqrt(v) + eps), m, v


def update_to_subtract(gradient, m, v, t, lr, beta1, beta2, eps):
    step, m, v = textbook(0.0, gradient, m, v, t, lr, beta1, beta2, eps)
    return -step, m, v


def epsilon_under_the_root(param, grad, square_avg, lr, alpha, eps):
    square_avg = alpha * square_avg + (1 - alpha) * grad**2
    return param - lr * grad / np.sqrt(square_avg + eps), square_avg


def test_right_optimizers():
    report = judged(textbook, "adam_step")
    assert report.verdict == "correct", str(report)
    report = judged(step_counted_inside, "adam_step")
    assert (report.verdict, report.slugs) == ("convention", ()), str(report)
    assert report.conventions == ("state_step = steps_so_far: steps before this one; the function adds 1",)


@pytest.mark.parametrize(
    ("subject", "against", "slug"),
    [
        (epsilon_hat, "adam_step", "adam-eps-hat"),
        (update_to_subtract, "adam_step", "update-subtracted"),
        (epsilon_under_the_root, "rmsprop_step", "rmsprop-eps-in-sqrt"),
    ],
)
def test_conventions_of_optimizers(subject, against, slug):
    report = judged(subject, against)
    assert (report.verdict, report.slugs[:1]) == ("convention", (slug,)), str(report)


# ---- target networks ----


def towards(local_param, target_param, tau):
    return target_param + tau * (local_param - target_param)


def mostly_old(params, target_params, polyak):
    return polyak * target_params + (1 - polyak) * params


def swapped(source, target, tau):
    return source * (1.0 - tau) + target * tau


def test_soft_updates():
    assert judged(towards, "polyak_update").verdict == "correct"
    report = judged(mostly_old, "polyak_update")
    assert report.verdict == "convention"
    assert "1 − τ" in report.conventions[0]
    report = judged(swapped, "polyak_update")
    assert (report.verdict, report.slugs[:1]) == ("wrong", ("polyak-swapped",)), str(report)


# ---- running statistics ----


class Running:
    """Mean and variance with a small weight on a first guess of 0 and 1."""

    def __init__(self, epsilon=1e-4, shape=()):
        self.mean, self.var, self.count = np.zeros(shape), np.ones(shape), epsilon

    def update(self, x, size=None):
        mean, var, size = np.mean(x, axis=0), np.var(x, axis=0), size or len(x)
        delta, total = mean - self.mean, self.count + size
        second = self.var * self.count + var * size + np.square(delta) * self.count * size / total
        self.mean, self.var, self.count = self.mean + delta * size / total, second / total, total


def with_a_prior(batches):
    running = Running(shape=batches[0].shape[1:])
    for batch in batches:
        running.update(batch)
    return running.mean, running.var


def batches_as_one(batches):
    running = Running(shape=batches[0].shape[1:])
    for batch in batches:
        running.update(batch, size=1)
    return running.mean, running.var


def sample_by_sample(data):
    count, mean, second = 0, 0.0, 0.0
    for x in data:
        count += 1
        delta = x - mean
        mean = mean + delta / count
        second = second + delta * (x - mean)
    return mean, second / count


def numbers_only(batches):
    total = squares = count = 0.0
    for batch in batches:
        for x in batch:
            total, squares, count = total + float(x), squares + float(x) ** 2, count + 1
    return total / count, squares / count - (total / count) ** 2


def deviation(batches):
    everything = np.concatenate(batches)
    return everything.mean(axis=0), everything.std(axis=0)


def unbiased(batches):
    everything = np.concatenate(batches)
    return everything.mean(axis=0), everything.var(axis=0, ddof=1)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_stream_of_samples_is_correct(dtype):
    report = judged(sample_by_sample, "running_moments", dtype=dtype)
    assert report.verdict == "correct", str(report)


def test_the_difference_of_squares_is_right_on_ordinary_numbers_only():
    report = judged(numbers_only, "running_moments")
    assert report.verdict == "unstable", str(report)


@pytest.mark.parametrize(
    ("subject", "verdict", "slug"),
    [
        (with_a_prior, "convention", "rms-prior-count"),
        (deviation, "convention", "rms-std"),
        (unbiased, "convention", "rms-ddof-1"),
        (batches_as_one, "wrong", "rms-batchcount1"),
    ],
)
def test_running_statistics_are_named(subject, verdict, slug):
    report = judged(subject, "running_moments")
    assert (report.verdict, report.slugs[:1]) == (verdict, (slug,)), str(report)


# ---- replay ----


def weights_of_a_buffer(probs, buffer_size, beta):
    weights = np.power(buffer_size * probs, -beta)
    return weights / weights.max()


def probabilities_of_a_buffer(td_errors, alpha, eps):
    raised = np.power(np.abs(td_errors) + eps, alpha)
    return raised / np.sum(raised)


def two_heads(values, advantages):
    return values + advantages - advantages.mean(axis=1, keepdims=True)


def mean_of_everything(values, advantages):
    return values + advantages - advantages.mean()


def test_replay_and_dueling():
    assert judged(weights_of_a_buffer, "per_weights").verdict == "correct"
    assert judged(probabilities_of_a_buffer, "per_probabilities").verdict == "correct"
    assert judged(two_heads, "dueling_q").verdict == "correct"
    report = judged(mean_of_everything, "dueling_q")
    assert (report.verdict, report.slugs[:1]) == ("wrong", ("dueling-mean-all",)), str(report)
