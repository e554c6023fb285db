"""Distributions as functions of rows: the product of categoricals by brute force, the Gaussian by its own functions."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.maths import categorical, gaussian
from scratchrl.maths.distributions import GAUSSIAN, categorical_distribution, multi_categorical_distribution
from scratchrl.oracle import strategies
from scratchrl.oracle.differentiation import complex_step


def near(got, truth, bound=1e-12):
    np.testing.assert_allclose(got, truth, rtol=0, atol=bound * max(1.0, np.abs(truth).max(initial=0)))


@st.composite
def products(draw):
    """(sizes, params, other params of the same shape)."""
    sizes = tuple(draw(st.lists(st.integers(1, 3), min_size=1, max_size=3)))
    rows = draw(st.integers(1, 3))
    return sizes, *(draw(strategies.logits(rows=rows, actions=sum(sizes), bound=4.0)) for _ in range(2))


def every_joint_action(sizes, params):
    """(a row of integers repeated (B, K), log π(a) (B,)) over all Π sizes joint actions."""
    for joint in itertools.product(*map(range, sizes)):
        action = np.tile(joint, (len(params), 1))
        yield action, multi_categorical_distribution(sizes).log_prob(params, action)


@given(products())
def test_the_product_is_a_joint_categorical(product):
    """Over all joint actions: probabilities sum to 1, and H and KL are the sums of their definitions."""
    sizes, p, q = product
    dist = multi_categorical_distribution(sizes)
    log_p, log_q = (np.array([log_prob for _, log_prob in every_joint_action(sizes, params)]) for params in (p, q))
    near(np.exp(log_p).sum(axis=0), np.ones(len(p)))
    near(dist.entropy(p), -(np.exp(log_p) * log_p).sum(axis=0))
    near(dist.kl(p, q), (np.exp(log_p) * (log_p - log_q)).sum(axis=0))
    (mode,) = {tuple(row) for row in dist.mode(p[:1])}
    near(dist.log_prob(p[:1], np.array([mode])), log_p[:, 0].max())


@given(products())
def test_its_gradients_are_complex_steps_and_its_fisher_the_second_moment(product):
    sizes, p, q = product
    dist = multi_categorical_distribution(sizes)
    near(dist.entropy_grad(p), complex_step(lambda l: dist.entropy(l).sum(), p))
    near(dist.kl_grad(p, q), complex_step(lambda l: dist.kl(p, l).sum(), q))
    second = np.zeros_like(p)
    for action, log_prob in every_joint_action(sizes, p):
        score = dist.score(p, action)
        near(score, complex_step(lambda l, a=action: dist.log_prob(l, a).sum(), p))
        second += np.exp(log_prob)[:, None] * score * (score * q).sum(axis=1, keepdims=True)
    near(dist.fisher_matvec(p, q), second)


@given(products(), st.integers(0, 2**32 - 1))
def test_it_samples_each_factor_in_turn(product, seed):
    sizes, p, _ = product
    action = multi_categorical_distribution(sizes).sample(np.random.default_rng(seed), p)
    rng = np.random.default_rng(seed)
    for k, logits in enumerate(np.split(p, np.cumsum(sizes)[:-1], axis=1)):
        np.testing.assert_array_equal(action[:, k], categorical.sample(rng, logits))


@pytest.mark.parametrize("function", ["log_prob", "score"])
@pytest.mark.parametrize("action", [np.zeros((2, 3), int), np.zeros(2, int), np.zeros((2, 2))])
def test_errors_name_the_argument(function, action):
    dist = multi_categorical_distribution((2, 2))
    with pytest.raises(ValueError, match=r"^action: expected"):
        getattr(dist, function)(np.zeros((2, 4)), action)


@given(strategies.logits())
def test_one_factor_is_the_categorical(logits):
    one, plain = multi_categorical_distribution(logits.shape[1:]), categorical_distribution(logits.shape[1])
    action = plain.mode(logits)
    assert one.segments == plain.segments
    near(one.log_prob(logits, action[:, None]), plain.log_prob(logits, action), 0)
    for name in ("entropy", "entropy_grad", "fisher_weights"):
        near(getattr(one, name)(logits), getattr(plain, name)(logits), 0)


@given(strategies.gaussians(shared=False), st.data(), st.integers(0, 2**32 - 1))
def test_the_gaussian_reads_its_row_as_mean_then_log_std(params, data, seed):
    row, (action, v_mean, v_log_std) = np.hstack(params), data.draw(strategies.arrays((3, *params.mean.shape)))
    other = np.hstack([v_mean, v_log_std / 5])
    for got, truth in (
        (GAUSSIAN.log_prob(row, action), gaussian.log_prob(*params, action)),
        (GAUSSIAN.score(row, action), np.hstack(gaussian.score(*params, action))),
        (GAUSSIAN.entropy(row), gaussian.entropy(*params)),
        (GAUSSIAN.entropy_grad(row), np.hstack(gaussian.entropy_grad(*params))),
        (GAUSSIAN.kl(row, other), gaussian.kl(*params, v_mean, v_log_std / 5)),
        (GAUSSIAN.kl_grad(row, other), np.hstack(gaussian.kl_grad(*params, v_mean, v_log_std / 5))),
        (GAUSSIAN.fisher_matvec(row, other), np.hstack(gaussian.fisher_matvec(*params, v_mean, v_log_std / 5))),
        (GAUSSIAN.mode(row), params.mean),
        (GAUSSIAN.sample(np.random.default_rng(seed), row), gaussian.sample(np.random.default_rng(seed), *params)),
    ):
        np.testing.assert_array_equal(got, truth, strict=True)


@given(strategies.policies())
def test_fisher_weights_and_segments_rebuild_the_fisher_product(situation):
    """F v = w∘v − w (w·v in each segment): what the compiled kernel takes for granted."""
    policy, _, obs, _ = situation
    dist = policy.distribution
    params, v = np.random.default_rng(len(obs)).standard_normal((2, len(obs), policy.mlp.sizes[-1] + policy.free))
    weight = dist.fisher_weights(params)
    rebuilt = weight * v
    for start, end in dist.segments:
        group = slice(start, end)
        rebuilt[:, group] -= weight[:, group] * (weight * v)[:, group].sum(axis=1, keepdims=True)
    near(rebuilt, dist.fisher_matvec(params, v), 1e-14)
