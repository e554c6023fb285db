"""TRPO: the gradient by complex step, the step against a dense Fisher matrix, the trust region in the true KL."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchrl.algorithms import trpo
from scratchrl.experience import samples as sampling
from scratchrl.maths import critic, optimizers, policies, returns
from scratchrl.oracle.differentiation import complex_step, relative_error

EXACT = {"cg_iterations": 300, "cg_tolerance": 1e-13}  # conjugate gradient to the end


def problem(draw, agent, seed, rows=40):
    """θ and samples of π_θ itself."""
    rng = np.random.default_rng(seed)
    theta = draw.theta(agent, rng)
    return theta, draw.samples(agent, theta, rng, rows)


def dense_fisher(agent, theta, samples):
    """(1/B) Σ_b J_bᵀ F_b J_b, J by complex step and F_b as minus the Jacobian of the score averaged over actions,
    which is the Hessian of KL(π_b‖·): the Jacobian of kl_grad."""
    distribution = agent.policy.distribution
    jacobian = complex_step(lambda theta: policies.forward(agent.policy, theta, samples.obs)[0], theta)
    hessian = np.array([
        complex_step(lambda q, p=p: distribution.kl_grad(p[None], q[None])[0], p) for p in samples.params
    ])  # fmt: skip
    return np.einsum("bpi,bpq,bqj->ij", jacobian, hessian, jacobian) / len(samples.obs)


def test_gradient_is_the_complex_step_of_the_loss_away_from_the_old_policy(draw, agent):
    theta, samples = problem(draw, agent, 0)
    theta = theta + 0.3 * np.random.default_rng(1).standard_normal(theta.size)
    loss, d_theta = trpo.loss_and_grad(agent, theta, samples)
    assert relative_error(d_theta, complex_step(lambda x: trpo.loss_and_grad(agent, x, samples)[0], theta)) <= 1e-12
    assert loss == pytest.approx(-trpo.mean_surrogate(agent, theta, samples), rel=1e-14)


def test_the_old_policy_has_surrogate_mean_advantage_and_no_kl(draw, agent):
    theta, samples = problem(draw, agent, 2)
    assert trpo.mean_surrogate(agent, theta, samples) == pytest.approx(samples.advantage.mean(), rel=1e-14)
    assert trpo.mean_kl(agent, theta, samples) == 0


@pytest.mark.parametrize("damping", [0.1, 1e-3])
def test_without_line_search_the_step_is_the_natural_gradient_of_a_dense_solve(draw, agent, damping):
    theta, samples = problem(draw, agent, 3)
    config = trpo.Config(delta=0.02, damping=damping, line_search=False, **EXACT)
    moved, search = trpo.policy_step(agent, theta, samples, config)
    gradient = -complex_step(lambda theta: trpo.loss_and_grad(agent, theta, samples)[0], theta)
    direction = np.linalg.solve(dense_fisher(agent, theta, samples) + damping * np.eye(theta.size), gradient)
    step = np.sqrt(2 * 0.02 / (gradient @ direction)) * direction
    assert relative_error(moved - theta, step) <= 1e-9
    assert search.fraction == 1
    assert search.kl == trpo.mean_kl(agent, moved, samples)
    assert search.objective == trpo.mean_surrogate(agent, moved, samples)


def test_without_damping_the_step_is_the_natural_gradient_of_the_pseudo_inverse(draw, agent):
    """F may be singular (logits are free up to a constant); g lies in its range and so does the step."""
    theta, samples = problem(draw, agent, 4, rows=200)
    config = trpo.Config(delta=0.02, damping=0.0, line_search=False, cg_iterations=300, cg_tolerance=1e-10)
    moved, _ = trpo.policy_step(agent, theta, samples, config)
    gradient = -trpo.loss_and_grad(agent, theta, samples)[1]
    direction = np.linalg.pinv(dense_fisher(agent, theta, samples), rcond=1e-10, hermitian=True) @ gradient
    step = np.sqrt(2 * 0.02 / (gradient @ direction)) * direction
    assert relative_error(moved - theta, step) <= 1e-5


def test_true_kl_of_the_undamped_step_is_delta_up_to_its_cubic_term(draw, agent):
    """KL = δ(1 + O(√δ)): over three decades the error of KL/δ falls with slope ½ in log δ."""
    theta, samples = problem(draw, agent, 6, rows=200)
    deltas, errors = 10.0 ** np.arange(-11, -7), []
    for delta in deltas:
        config = trpo.Config(delta=float(delta), damping=0.0, line_search=False, cg_iterations=300, cg_tolerance=1e-9)
        errors.append(abs(trpo.policy_step(agent, theta, samples, config)[1].kl / delta - 1))
    assert max(errors) < 0.01
    assert np.polyfit(np.log(deltas), np.log(errors), 1)[0] == pytest.approx(0.5, abs=0.05)


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), delta=st.sampled_from([1e-3, 0.1, 1.0]), scale=st.sampled_from([1e-3, 1.0, 1e3]))
def test_line_search_never_worsens_the_surrogate_nor_leaves_the_region(draw, agent, seed, delta, scale):
    """Also with δ and advantages so large that the quadratic model is wrong."""
    theta, samples = problem(draw, agent, seed, rows=8)
    samples = samples._replace(advantage=scale * samples.advantage)
    moved, search = trpo.policy_step(agent, theta, samples, trpo.Config(delta=delta, damping=1e-3))
    kl, before = trpo.mean_kl(agent, moved, samples), trpo.mean_surrogate(agent, theta, samples)
    assert (search.kl, search.objective) == (kl, trpo.mean_surrogate(agent, moved, samples))
    if search.accepted:
        assert search.objective > before
        assert kl <= delta
    else:
        assert moved is theta


def test_line_search_backtracks_where_the_quadratic_model_is_wrong(draw, agent):
    """With δ = 1 the full step is too long for somebody: the property above is not empty."""
    fractions, escaped = [], 0
    for seed in range(30):
        theta, samples = problem(draw, agent, seed, rows=8)
        config = {"delta": 1.0, "damping": 1e-3}
        fractions.append(trpo.policy_step(agent, theta, samples, trpo.Config(**config))[1].fraction)
        escaped += trpo.policy_step(agent, theta, samples, trpo.Config(**config, line_search=False))[1].kl > 1.0
    assert min(fractions) < 1
    assert escaped > 0


@pytest.mark.parametrize("line_search", [True, False])
def test_zero_advantage_leaves_theta_alone(draw, agent, line_search):
    theta, samples = problem(draw, agent, 6)
    samples = samples._replace(advantage=np.zeros_like(samples.advantage))
    moved, search = trpo.policy_step(agent, theta, samples, trpo.Config(line_search=line_search))
    np.testing.assert_array_equal(moved, theta)
    assert (search.accepted, search.objective, search.kl) == (False, 0.0, 0.0)


def test_scale_of_the_advantage_does_not_matter(draw, agent):
    """The step has a fixed length in KL; a power of two changes no rounding either."""
    theta, samples = problem(draw, agent, 7)
    larger = samples._replace(advantage=1024 * samples.advantage)
    moved = [trpo.policy_step(agent, theta, s, trpo.Config())[0] for s in (samples, larger)]
    np.testing.assert_array_equal(*moved)
    assert (moved[0] != theta).any()


def test_no_backtracks_means_all_or_nothing(draw, agent):
    theta, samples = problem(draw, agent, 8)
    config = trpo.Config(delta=0.01, damping=0.0, backtracks=0)
    moved, search = trpo.policy_step(agent, theta, samples, config)
    assert search.fraction in (0.0, 1.0)
    assert search.evaluations == 1
    assert (moved is theta) == (search.fraction == 0)


@pytest.mark.parametrize("normalize", [True, False])
def test_update_is_the_policy_step_and_the_regression_for_phi(draw, agent, normalize):
    rng = np.random.default_rng(9)
    config = trpo.Config(normalize_advantage=normalize, value_lr=0.03, value_epochs=3, value_minibatch=4, lam=0.8)
    theta, phi = draw.theta(agent, rng), draw.phi(agent, rng)
    batch = draw.batch(agent, theta, rng)
    state = trpo.State(theta, phi, optimizers.adam_init(phi), None, 0)
    new, info = trpo.update(agent, state, batch, config, np.random.default_rng(0))
    samples = sampling.judged(agent, theta, phi, batch, config.gamma, 0.8)
    used = samples._replace(advantage=returns.normalize_advantage(samples.advantage)) if normalize else samples
    expected, search = trpo.policy_step(agent, theta, used, config)
    np.testing.assert_array_equal(new.theta, expected)
    fitted, _, value_loss = critic.fit(
        agent.value, phi, state.phi_optimizer, samples.obs, samples.target, np.random.default_rng(0), 0.03, 3, 4
    )
    np.testing.assert_array_equal(new.phi, fitted)
    assert info["losses/value_loss"] == value_loss
    reported = [info[f"losses/{name}"] for name in ("approx_kl", "policy_loss", "step_fraction")]
    assert reported == [search.kl, -search.objective, search.fraction]
