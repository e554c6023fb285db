"""C51: the gradient by complex step, and on known MDPs its fixed point against the exact distribution of the return."""

import itertools

import numpy as np
import pytest

from scratchrl.algorithms import c51
from scratchrl.exact.clock import clocked
from scratchrl.exact.return_distribution import Distribution, cramer, return_distributions
from scratchrl.exact.solve import policy_iteration
from scratchrl.exact.zoo import garnet
from scratchrl.experience.replay import NStepTransitions
from scratchrl.maths import distributional, mlp
from scratchrl.maths.mlp import MLP
from scratchrl.oracle.differentiation import complex_step, relative_error

ATOMS, ACTIONS = 7, 4
NET = MLP((3, 6, ACTIONS * ATOMS), "tanh")
BOTH = pytest.mark.parametrize("double", [False, True])


def config_of(double=False, atoms=ATOMS, v_min=-2.0, v_max=3.0):
    return c51.Config(double=double, atoms=atoms, v_min=v_min, v_max=v_max)


def problem(seed, rows=40):
    rng = np.random.default_rng(seed)
    samples = NStepTransitions(
        rng.standard_normal((rows, 3)), rng.integers(0, ACTIONS, rows), rng.standard_normal(rows),
        rng.standard_normal((rows, 3)), *(rng.random((2, rows)) < 0.3), rng.choice([0.9, 0.81], rows),
    )  # fmt: skip
    return (*rng.standard_normal((2, mlp.size(NET))), samples)


@BOTH
def test_gradient_is_the_complex_step_of_the_loss(double):
    theta, target, samples = problem(0)
    config = config_of(double)
    _, d_theta = c51.loss_and_grad(NET, theta, target, samples, config)
    truth = complex_step(lambda x: c51.loss_and_grad(NET, x, target, samples, config)[0], theta)
    assert relative_error(d_theta, truth) <= 1e-12


def softmax(logits):
    weight = np.exp(logits - logits.max())
    return weight / weight.sum()


@BOTH
def test_loss_sample_by_sample_and_atom_by_atom(double):
    theta, target, samples = problem(1)
    config, atom, total = config_of(double), np.linspace(-2, 3, ATOMS), 0.0
    for b in range(40):
        online, copy, now = (
            [softmax(row) for row in mlp.forward(NET, x, obs[b : b + 1])[0].reshape(ACTIONS, ATOMS)]
            for x, obs in ((theta, samples.next_obs), (target, samples.next_obs), (theta, samples.obs))
        )
        best = np.argmax([p @ atom for p in (online if double else copy)])
        wanted = np.zeros(ATOMS)
        for z, p in zip(atom, copy[best], strict=True):
            future = 0.0 if samples.terminated[b] else samples.discount[b] * z
            wanted += p * hat(np.clip(samples.reward[b] + future, -2, 3), atom)
        total -= wanted @ np.log(now[samples.action[b]])
    assert c51.loss_and_grad(NET, theta, target, samples, config)[0] == pytest.approx(total / 40, rel=1e-12)


def hat(z, atom):
    """The weights that split a point z between the atoms around it."""
    return np.maximum(0, 1 - np.abs(z - atom) / (atom[1] - atom[0]))


def test_float32_is_the_same_in_single_precision():
    theta, target, samples = problem(2)
    short = NStepTransitions(*(x.astype(np.float32) if x.dtype == float else x for x in samples))
    loss, d_theta = c51.loss_and_grad(NET, theta.astype(np.float32), target.astype(np.float32), short, config_of())
    truth, d_truth = c51.loss_and_grad(NET, theta, target, samples, config_of())
    assert loss == pytest.approx(truth, rel=1e-4)
    np.testing.assert_allclose(d_theta, d_truth, rtol=1e-3, atol=1e-4)
    assert d_theta.dtype == loss.dtype == np.float32


# ---- on known MDPs: one-hot states, a table of logits ----

HORIZON = 4
WORLDS = [clocked(garnet(np.random.default_rng(seed), 3, 2, gamma=0.9), HORIZON) for seed in range(3)]


def table(probs):
    """(network, θ) that holds probs (S, A, K); a softmax has no zeros, so 0 is 1e-300."""
    states, actions, atoms = probs.shape
    logits = np.log(np.maximum(probs, 1e-300))
    return MLP((states, actions * atoms)), np.concatenate([logits.ravel(), np.zeros(actions * atoms)])


def expected_gradient(mdp, probs, config):
    """Σ_{s'} P(s'|s,a) ∂L/∂logits(s, a) for every (s, a), (S, A, K)."""
    net, theta = table(probs)
    eye, reward = np.eye(len(mdp.start)), np.broadcast_to(mdp.reward, mdp.transition.shape)
    total, no = np.zeros_like(probs), np.zeros(1, bool)
    for s, a, t in itertools.product(*map(range, mdp.transition.shape)):
        if mdp.transition[s, a, t] > 0 and not mdp.terminal[s]:
            sample = NStepTransitions(
                eye[[s]], np.array([a]), reward[[s], a, t], eye[[t]], mdp.terminal[[t]], no, np.full(1, mdp.gamma)
            )
            ((d_w, _),) = mlp.layers(net, c51.loss_and_grad(net, theta, theta, sample, config)[1])
            total += mdp.transition[s, a, t] * d_w.reshape(probs.shape)
    return total


def grid_of(mdp, atoms):
    """A Config whose grid holds whatever an update makes of it: r + γ v_max ≤ v_max."""
    bound = mdp.reward_bound / (1 - mdp.gamma)
    return config_of(atoms=atoms, v_min=-bound, v_max=bound)


def fixed_point(mdp, config):
    """Where the expected update leaves the table: T steps reach it, since the clock runs out after T."""
    probs = np.full((*mdp.transition.shape[:2], config.atoms), 1 / config.atoms)
    for _ in range(HORIZON):
        probs = np.maximum(0, probs - expected_gradient(mdp, probs, config))
    return probs


@pytest.mark.parametrize("mdp", WORLDS)
@pytest.mark.parametrize("atoms", [31, 121])
def test_fixed_point_is_the_distribution_of_the_return_up_to_the_grid(mdp, atoms):
    """d(C51, exact) ≤ max d(Π exact, exact)/√(1 − γ), d Cramér: Rowland et al. (2018), proposition 3."""
    config, best = grid_of(mdp, atoms), policy_iteration(mdp)
    probs, alive = fixed_point(mdp, config), np.flatnonzero(~mdp.terminal)
    exact = return_distributions(mdp, best.policy, HORIZON)
    atom = distributional.support(config.v_min, config.v_max, atoms, np.zeros(1))
    assert np.abs(expected_gradient(mdp, probs, config)).max() <= 1e-12
    np.testing.assert_allclose((probs @ atom)[alive], best.q[alive], atol=1e-12)  # no end was in the way
    pairs = [(s, a) for s in alive for a in range(2)]
    error = [cramer(Distribution(atom, probs[s, a]), exact[s][a]) for s, a in pairs]
    projected = [
        cramer(Distribution(atom, sum(p * hat(z, atom) for z, p in zip(*exact[s][a], strict=True))), exact[s][a])
        for s, a in pairs
    ]
    assert 0 < max(projected) <= max(error) + 1e-12
    assert max(error) <= max(projected) / np.sqrt(1 - mdp.gamma)


def test_a_finer_grid_is_nearer():
    mdp, errors = WORLDS[0], []
    exact = return_distributions(mdp, policy_iteration(mdp).policy, HORIZON)
    for atoms in (31, 121, 481):
        config = grid_of(mdp, atoms)
        atom, probs = np.linspace(config.v_min, config.v_max, atoms), fixed_point(mdp, config)
        errors.append(max(cramer(Distribution(atom, probs[0, a]), exact[0][a]) for a in range(2)))
    assert errors[2] < 0.7 * errors[1] < 0.5 * errors[0]


def test_the_best_action_is_that_of_the_largest_mean():
    theta, _, samples = problem(3)
    config, atom = config_of(), np.linspace(-2, 3, ATOMS)
    act = c51.explorer(NET, theta, 0.0, config, np.random.default_rng(0))
    logits = mlp.forward(NET, theta, samples.obs)[0].reshape(-1, ACTIONS, ATOMS)
    means = [[softmax(row) @ atom for row in sample] for sample in logits]
    np.testing.assert_array_equal(act(samples.obs), np.argmax(means, axis=1))
