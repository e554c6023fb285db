"""All four kinds of policy: Jacobian products and weighted scores by complex step, the Fisher matrix three ways."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.maths import mlp, network_loops, policies
from scratchrl.oracle import strategies
from scratchrl.oracle.differentiation import central_difference, complex_step, complex_step_directional, dot_test

KINDS = pytest.mark.parametrize("kind", strategies.KINDS)
SEEDS = st.integers(0, 2**32 - 1)
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(4)  # exact to degree 7 in z; score scoreᵀ has degree 4


def near(got, truth, bound=1e-12):
    np.testing.assert_allclose(got, truth, rtol=0, atol=bound * max(1.0, np.abs(truth).max(initial=0)))


def normal(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape) for shape in shapes]


def params_of(policy, theta, obs):
    return policies.forward(policy, theta, obs)[0]


@KINDS
@given(st.data())
def test_parameters_are_those_of_forward(kind, data):
    policy, *arrays, _ = data.draw(strategies.policies(kind=kind))
    for dtype in (np.float32, np.float64, complex):
        theta, obs = (array.astype(dtype) for array in arrays)
        np.testing.assert_array_equal(policies.parameters(policy, theta, obs), params_of(policy, theta, obs))


# ---- acting ----


@pytest.mark.parametrize("kind", [*strategies.KINDS, "one group"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_sampler_draws_what_sample_draws(kind, dtype):
    make = {
        "categorical": lambda: policies.categorical_policy(3, 4, (5,)),
        "multi_categorical": lambda: policies.multi_categorical_policy(3, (2, 3), (5,)),
        "one group": lambda: policies.multi_categorical_policy(3, (3,), (5,)),
        "gaussian": lambda: policies.gaussian_policy(3, 2, (5,)),
        "state_dependent_gaussian": lambda: policies.state_dependent_gaussian_policy(3, 2, (5,)),
    }
    policy = make[kind]()
    (theta,) = normal(0, policies.size(policy))
    theta, ours, theirs = theta.astype(dtype), np.random.default_rng(1), np.random.default_rng(1)
    act = policies.sampler(policy, theta, ours)
    for obs in normal(2, (1, 3), (6, 3), (6, 3)):
        obs = obs.astype(dtype)
        np.testing.assert_array_equal(act(obs), policies.sample(policy, theta, obs, theirs))
    (wide,) = normal(3, (2, 3))
    np.testing.assert_array_equal(act(wide), policies.sample(policy, theta, wide, theirs))
    with pytest.raises(ValueError, match="theta: expected shape"):
        policies.sampler(policy, theta[1:], ours)


# ---- products with the Jacobian ----


@KINDS
@given(st.data(), SEEDS)
def test_vjp_and_jvp_are_complex_steps_and_transposes(kind, data, seed):
    policy, theta, obs, _ = data.draw(strategies.policies(kind=kind))
    params, cache = policies.forward(policy, theta, obs)
    u, v = normal(seed, params.shape, theta.shape)
    d_theta, d_params = policies.vjp(policy, theta, cache, u), policies.jvp(policy, theta, cache, v)
    near(d_theta, complex_step(lambda theta: (u * params_of(policy, theta, obs)).sum(), theta))
    near(d_params, complex_step_directional(lambda theta: params_of(policy, theta, obs), theta, v))
    transpose = dot_test(
        lambda v: policies.jvp(policy, theta, cache, v), lambda u: policies.vjp(policy, theta, cache, u), v, u
    )
    assert transpose <= 1e-13


@KINDS
@given(st.data(), SEEDS)
def test_weighted_score_is_the_gradient_of_the_weighted_log_prob(kind, data, seed):
    policy, theta, obs, action = data.draw(strategies.policies(kind=kind))
    (weight,) = normal(seed, len(obs))
    got = policies.weighted_score(policy, theta, obs, action, weight)
    near(got, complex_step(lambda theta: weight @ policies.log_prob(policy, theta, obs, action), theta))


@given(st.data(), SEEDS)
def test_weighted_score_in_single_precision_is_that_in_double(data, seed):
    policy, *arrays = data.draw(strategies.policies(kind="categorical", activation="tanh"))
    theta, obs, action, weight = *arrays, *normal(seed, len(arrays[1]))
    theta, obs, weight = (array.astype(np.float32) for array in (theta, obs, weight))
    got = policies.weighted_score(policy, theta, obs, action, weight)
    truth = policies.weighted_score(policy, *(a.astype(float) for a in (theta, obs)), action, weight.astype(float))
    assert got.dtype == np.float32
    sizes = [np.abs(array).sum() for array in (weight, theta, obs)]
    assert np.abs(got - truth).max() <= 100 * np.finfo(np.float32).eps * sizes[0] * (1 + sizes[1]) * (1 + sizes[2])


@KINDS
@given(st.data())
def test_central_differences_are_a_second_witness(kind, data):
    policy, theta, obs, action = data.draw(strategies.policies(kind=kind, activation="tanh"))
    got = policies.weighted_score(policy, theta, obs, action, np.ones(len(obs)))
    value, error = central_difference(lambda theta: policies.log_prob(policy, theta, obs, action).sum(), theta)
    assert error.max() < 1e-5
    assert (np.abs(got - value) <= error + 1e-11).all()


# ---- Fisher ----


def outcomes(policy, params):
    """(probability (B,), action) over all actions, or over the nodes of Gauss-Hermite quadrature."""
    rows, segments = len(params), policy.distribution.segments
    if not segments:
        mean, log_std = np.split(params, 2, axis=1)
        for z in np.ndindex(*[len(NODES)] * mean.shape[1]):
            weight = np.prod(WEIGHTS[list(z)] / np.sqrt(2 * np.pi))
            yield np.full(rows, weight), mean + np.exp(log_std) * NODES[list(z)]
    else:
        for joint in np.ndindex(*[end - start for start, end in segments]):
            single = type(policy.distribution.mode(params).ravel()[0])
            action = np.tile(np.array(joint, single), (rows, 1))
            action = action if policy.distribution.mode(params).ndim == 2 else action[:, 0]
            yield np.exp(policy.distribution.log_prob(params, action)), action


@KINDS
@given(st.data(), SEEDS)
def test_fisher_is_the_second_moment_of_the_score_whose_mean_is_zero(kind, data, seed):
    policy, theta, obs, _ = data.draw(strategies.policies(kind=kind))
    params, cache = policies.forward(policy, theta, obs)
    (v,) = normal(seed, theta.shape)
    mean, second = np.zeros_like(theta), np.zeros_like(theta)
    for probability, action in outcomes(policy, params):
        score = policy.distribution.score(params, action)
        mean += policies.vjp(policy, theta, cache, probability[:, None] * score)
        for b in range(len(obs)):
            row = [h[b : b + 1] for h in cache]
            score_theta = policies.vjp(policy, theta, row, score[b : b + 1])
            second += probability[b] * score_theta * (score_theta @ v) / len(obs)
    near(mean, np.zeros_like(mean))
    near(policies.fisher_vector_product(policy, theta, params, cache, v), second, 1e-12)


def kl_gradient(policy, theta_old, obs):
    """θ ↦ ∇ (1/B) Σ_b KL(π_old‖π_θ)."""
    params_old = params_of(policy, theta_old, obs)

    def gradient(theta):
        params, cache = policies.forward(policy, theta, obs)
        return policies.vjp(policy, theta, cache, policy.distribution.kl_grad(params_old, params)) / len(obs)

    return gradient


@KINDS
@given(st.data(), SEEDS, st.sampled_from([0.0, 0.5]))
def test_fisher_is_the_hessian_of_the_kl_plus_damping(kind, data, seed, damping):
    policy, theta, obs, _ = data.draw(strategies.policies(kind=kind))
    params, cache = policies.forward(policy, theta, obs)
    gradient = kl_gradient(policy, theta, obs)
    assert not gradient(theta).any()
    hessian = complex_step(gradient, theta)
    near(hessian, hessian.T)
    (v,) = normal(seed, theta.shape)
    got = policies.fisher_vector_product(policy, theta, params, cache, v, damping)
    near(got, hessian @ v + damping * v, 1e-12)


@KINDS
@given(st.data())
def test_the_gradient_of_the_kl_away_from_home_is_a_complex_step(kind, data):
    policy, theta, obs, _ = data.draw(strategies.policies(kind=kind))
    params_old, moved = params_of(policy, theta, obs), theta + 0.25

    def kl(theta):
        return policy.distribution.kl(params_old, params_of(policy, theta, obs)).mean()

    near(kl_gradient(policy, theta, obs)(moved), complex_step(kl, moved))


@KINDS
@pytest.mark.parametrize("activation", sorted(mlp.ACTIVATIONS))
def test_the_fused_product_is_the_product_of_the_three_factors_across_blocks(kind, activation):
    argument = (2, 3) if kind == "multi_categorical" else 3
    policy = getattr(policies, f"{kind}_policy")(4, argument, (6, 5), activation)
    obs, theta, v = normal(0, (2 * network_loops.BLOCK + 1, 4), policies.size(policy), policies.size(policy))
    params, cache = policies.forward(policy, theta, obs)
    d_params = policy.distribution.fisher_matvec(params, policies.jvp(policy, theta, cache, v))
    truth = policies.vjp(policy, theta, cache, d_params) / len(obs)
    near(policies.fisher_vector_product(policy, theta, params, cache, v), truth, 1e-14)
    plain = policies.fisher_vector_product(policy, theta, params, cache, v + 0j)
    assert np.iscomplexobj(plain)  # the definition, not the kernel
    near(plain, truth, 1e-14)


@KINDS
def test_the_fused_product_takes_strided_read_only_and_narrower_arrays(kind):
    policy = getattr(policies, f"{kind}_policy")(3, (2, 2) if kind == "multi_categorical" else 2, (4,))
    obs, theta, v = normal(0, (5, 3), policies.size(policy), policies.size(policy))
    obs = obs.astype(np.float32)
    truth = policies.fisher_vector_product(policy, theta, *policies.forward(policy, theta, obs.astype(float)), v)
    read_only = obs.astype(float)
    read_only.setflags(write=False)
    strided_theta, strided_v = np.repeat(theta, 2)[::2], np.repeat(v, 2)[::2]
    for view in (obs, np.asfortranarray(obs.astype(float)), read_only):
        params, cache = policies.forward(policy, strided_theta, view)
        near(policies.fisher_vector_product(policy, strided_theta, params, cache, strided_v), truth, 1e-14)


# ---- acting ----


@KINDS
@given(st.data(), SEEDS)
def test_sample_and_mode_are_those_of_the_distribution(kind, data, seed):
    policy, theta, obs, _ = data.draw(strategies.policies(kind=kind))
    params = params_of(policy, theta, obs)
    action = policies.sample(policy, theta, obs, np.random.default_rng(seed))
    near(action, policy.distribution.sample(np.random.default_rng(seed), params), 1e-14)
    near(policies.mode(policy, theta, obs), policy.distribution.mode(params), 1e-14)


@KINDS
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_init_starts_undecided_with_unit_scale(kind, dtype):
    policy = getattr(policies, f"{kind}_policy")(3, (2, 2) if kind == "multi_categorical" else 4)
    theta = policies.init(policy, np.random.default_rng(0), dtype=dtype)
    assert theta.dtype == dtype
    assert theta.shape == (policies.size(policy),)
    params = params_of(policy, theta, np.ones((1, 3), dtype))
    assert params.dtype == dtype
    assert np.abs(params).max() < 0.1
    assert not theta[policies.size(policy) - policy.free :].any()


def test_free_parameters_are_appended_to_every_row():
    policy = policies.gaussian_policy(2, 2, ())
    theta = np.array([1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 7.0, 8.0])  # the identity, then log σ
    params = params_of(policy, theta, np.array([[3.0, 4.0], [5.0, 6.0]]))
    np.testing.assert_array_equal(params, [[3, 4, 7, 8], [5, 6, 7, 8]])


@KINDS
def test_errors_name_the_argument(kind):
    policy = getattr(policies, f"{kind}_policy")(3, (2, 2) if kind == "multi_categorical" else 2)
    with pytest.raises(ValueError, match=rf"^theta: expected shape \({policies.size(policy)},\)"):
        policies.forward(policy, np.zeros(3), np.zeros((1, 3)))


@KINDS
def test_two_hidden_layers_of_64_and_float64_unless_told_otherwise(kind):
    policy = getattr(policies, f"{kind}_policy")(3, (2, 2) if kind == "multi_categorical" else 2)
    assert policy.mlp.sizes[:-1] == (3, 64, 64)
    assert policy.mlp.activation == "tanh"
    assert policies.init(policy, np.random.default_rng(0)).dtype == np.float64


def test_the_fused_product_is_taken_for_one_type_of_float_and_for_nothing_else(monkeypatch):
    policy = policies.categorical_policy(3, 2, (4,))
    theta, obs, vector = normal(0, policies.size(policy), (5, 3), policies.size(policy))
    taken = []
    monkeypatch.setattr(policies, "_fused_fisher_vector_product", lambda *a: taken.append(a[-1].dtype) or 0 * a[-1])
    for at, along in itertools.product((np.float32, np.float64), (np.float32, np.float64, complex)):
        params, cache = policies.forward(policy, theta.astype(at), obs.astype(at))
        product = policies.fisher_vector_product(policy, theta.astype(at), params, cache, vector.astype(along))
        assert product.any() == (at != along)
    assert taken == [np.float32, np.float64]
