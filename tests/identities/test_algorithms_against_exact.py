"""The algorithms' own loss_and_grad, averaged over every trajectory there is: ∇J exactly, or the bias their docs state.

The world is a clocked MDP (three rewards, then the end), so observations are one-hot of (t, s) and a linear critic can
hold the exact V_t(s). No sampling and no copies: batches are built from the enumeration and handed to the code that
trains.
"""

from dataclasses import replace

import numpy as np
import pytest

from scratchrl.algorithms import a2c, ppo, reinforce, trpo, vpg
from scratchrl.exact import families
from scratchrl.exact.clock import clocked
from scratchrl.exact.enumeration import batches, columns, probability, trajectories
from scratchrl.exact.evaluation import action_values, advantage, evaluate
from scratchrl.exact.expectation import expected_gradient
from scratchrl.exact.families import Family
from scratchrl.exact.gradients import policy_gradient
from scratchrl.exact.mdp import MDP
from scratchrl.exact.occupancy import discounted_occupancy, distribution, finite_horizon_occupancy
from scratchrl.exact.surrogates import clipped_surrogate_gradient, surrogate, surrogate_gradient
from scratchrl.exact.trust_region import fisher, kl
from scratchrl.exact.zoo import garnet
from scratchrl.experience import samples as sampling
from scratchrl.experience.agent import Agent
from scratchrl.experience.batch import Batch
from scratchrl.maths import policies, returns
from scratchrl.maths.mlp import MLP
from scratchrl.oracle.differentiation import complex_step, relative_error

HORIZON = 3
PHIS = ("total_return", "reward_to_go", "reward_to_go_baseline", "q", "advantage")


class World:
    """An MDP, all its trajectories of three steps, a policy and a critic that see one-hot states."""

    def __init__(self, mdp, seed=0, hidden=(4,)):
        states, actions, _ = mdp.transition.shape
        rng = np.random.default_rng(seed)
        self.mdp, self.features = mdp, np.eye(states)
        self.agent = Agent(policies.categorical_policy(states, actions, hidden), MLP((states, 1)))
        self.family = Family(self.agent.policy, self.features)
        self.theta, self.direction = rng.standard_normal((2, families.size(self.family)))
        self.policy = families.table(self.family, self.theta)
        self.all = trajectories(mdp, HORIZON)
        self.chances = probability(self.all, self.policy)
        self.value = evaluate(mdp, self.policy)
        self.visits = finite_horizon_occupancy(replace(mdp, gamma=1.0), self.policy, HORIZON).sum(axis=0)

    def phi(self, error=0.0):
        """Parameters of the critic that holds V^π + error."""
        return np.append(self.value + error, 0.0)

    def batch(self, some):
        """Enumerated trajectories as the Batch a rollout would have handed over."""
        obs, next_obs = self.features[some.state], self.features[some.next_state]
        return Batch(obs, some.action, some.reward, next_obs, some.terminated, some.truncated, some.valid)

    def mean(self, gradient):
        """Σ_τ P(τ) (−d_theta): the expected direction of ascent, one trajectory to a batch."""
        singles = (self.batch(columns(self.all, [k])) for k in range(len(self.chances)))
        return -sum(p * gradient(batch) for p, batch in zip(self.chances, singles, strict=True))

    def judged(self, batch, config, error=0.0):
        return sampling.judged(self.agent, self.theta, self.phi(error), batch, config.gamma, config.lam)

    def with_advantage(self, batch, table):
        """Samples whose advantage is a function of (s, a)."""
        state = batch.obs.argmax(axis=2)
        weight = table[state, batch.action]
        return sampling.weighted(self.agent, self.theta, batch, 0 * weight, weight, weight)

    def through(self, d_table):
        return families.pull_back(self.family, self.theta, d_table)


def world(gamma=1.0, terminals=0, seed=0):
    """Clocked garnet: start in one state, 4³ trajectories at most."""
    mdp = garnet(np.random.default_rng(seed), 3, 2, 2, gamma, terminals)
    return World(clocked(replace(mdp, start=np.eye(3)[0]), HORIZON), seed)


EVEN, ENDING, DISCOUNTED = world(), world(terminals=1, seed=1), world(0.7, seed=2)
WORLDS = pytest.mark.parametrize("world", [EVEN, ENDING], ids=["even", "ending"])


def truth(world):
    return policy_gradient(world.mdp, world.family, world.theta)


# ---- REINFORCE ----


@pytest.mark.parametrize("world", [EVEN, ENDING, DISCOUNTED], ids=["even", "ending", "discounted"])
@pytest.mark.parametrize("baseline", [True, False])
def test_reinforce_over_all_pairs_of_episodes(world, baseline):
    """∇J of the (discounted) return, exactly, with and without the leave-one-out baseline: γᵗ is inside R(τ)."""
    config = reinforce.Config(gamma=world.mdp.gamma, baseline=baseline)
    pairs = batches(world.all, world.chances, 2)
    got = -sum(
        p * reinforce.loss_and_grad(world.agent, world.theta, world.batch(pair), config)[1] for p, pair in pairs
    )
    assert relative_error(got, truth(world)) <= 1e-12


# ---- VPG ----


def vpg_mean(world, config, error=0.0):
    state = vpg.State(world.theta, world.phi(error), None, None, None, 0)

    def gradient(batch):
        samples = vpg.judged(world.agent, state, batch, config)
        return vpg.loss_and_grad(world.agent, world.theta, samples, 1)[1]

    return world.mean(gradient)


@WORLDS
@pytest.mark.parametrize("phi", PHIS)
@pytest.mark.parametrize("lam", [0.0, 0.6, 1.0])
def test_vpg_with_the_exact_values(world, phi, lam):
    """γ = 1: every Φ gives ∇J, for every λ, whatever the episodes' lengths."""
    config = vpg.Config(phi=phi, gamma=1.0, lam=lam, normalize_phi=False)
    assert relative_error(vpg_mean(world, config), truth(world)) <= 1e-12


@pytest.mark.parametrize("phi", PHIS)
def test_vpg_with_wrong_values(phi):
    """A wrong V biases only what bootstraps: q and advantage at λ < 1. At λ = 1 nothing is left of it."""
    error = np.random.default_rng(3).standard_normal(len(ENDING.value))
    for lam, biased in ((1.0, False), (0.5, phi in ("q", "advantage"))):
        config = vpg.Config(phi=phi, gamma=1.0, lam=lam, normalize_phi=False)
        gap = relative_error(vpg_mean(ENDING, config, error), truth(ENDING))
        assert gap > 0.05 if biased else gap <= 1e-12


@pytest.mark.parametrize("phi", PHIS)
def test_vpg_with_a_discount_leaves_out_the_discount_of_time(phi):
    """γ < 1: Σ_t P(s_t) Σ_a ∇π Q^γ in place of Σ_t γᵗ P(s_t) Σ_a ∇π Q^γ; but R(τ), which contains γᵗ, gives ∇J."""
    config = vpg.Config(phi=phi, gamma=0.7, lam=0.9, normalize_phi=False)
    got = vpg_mean(DISCOUNTED, config)
    undiscounted = DISCOUNTED.through(DISCOUNTED.visits[:, None] * action_values(DISCOUNTED.mdp, DISCOUNTED.policy))
    assert relative_error(got, truth(DISCOUNTED) if phi == "total_return" else undiscounted) <= 1e-12
    assert relative_error(undiscounted, truth(DISCOUNTED)) > 0.05


def test_vpg_normalising_phi_is_biased():
    config = vpg.Config(phi="reward_to_go", gamma=1.0, normalize_phi=True)
    assert relative_error(vpg_mean(EVEN, config), truth(EVEN)) > 0.1


# ---- A2C ----


@pytest.mark.parametrize("lam", [0.0, 0.6, 1.0])
def test_a2c_is_the_gradient_for_one_row(lam):
    """1/B over T rows an episode: ∇J/T; with γ < 1 without γᵗ, as VPG."""
    for world in (EVEN, DISCOUNTED):
        config = a2c.Config(gamma=world.mdp.gamma, lam=lam)
        got = world.mean(lambda b, w=world, c=config: a2c.loss_and_grad(w.agent, w.theta, w.judged(b, c), c)[1])
        field = world.through(world.visits[:, None] * action_values(world.mdp, world.policy))
        assert relative_error(HORIZON * got, field) <= 1e-12
    assert relative_error(HORIZON * got, truth(world)) > 0.05  # the discounted one


def test_a2cs_mean_over_rows_weighs_short_batches_more():
    """Episodes of unequal length, one to a batch: E[ĝ/length], not E[ĝ]/E[length]. (Its train fills every batch.)"""
    config = a2c.Config(gamma=1.0, lam=1.0)
    got = ENDING.mean(lambda b: a2c.loss_and_grad(ENDING.agent, ENDING.theta, ENDING.judged(b, config), config)[1])
    to_go = returns.reward_to_go(ENDING.all.reward, ENDING.all.terminated, ENDING.all.truncated, 1.0)
    length = ENDING.all.valid.sum(axis=0)
    weight = (to_go - ENDING.value[ENDING.all.state]) / length
    expected = expected_gradient(ENDING.family, ENDING.theta, ENDING.all, ENDING.chances, weight)
    assert relative_error(got, expected) <= 1e-12
    assert relative_error(got, truth(ENDING) / (ENDING.chances @ length)) > 0.02


def test_a2cs_entropy_bonus_is_the_gradient_at_fixed_states():
    """c Σ_s μ(s) ∇H(s), μ the share of rows: what π does to the states that come is not in it."""
    config = a2c.Config(gamma=1.0, entropy_coefficient=0.3)
    got = EVEN.mean(lambda b: a2c.loss_and_grad(EVEN.agent, EVEN.theta, EVEN.judged(b, config), config)[1])

    def bonus(theta):
        policy = families.table(EVEN.family, theta)
        return -0.3 * EVEN.visits @ (policy * np.log(policy)).sum(axis=1)

    assert relative_error(HORIZON * got, truth(EVEN) + complex_step(bonus, EVEN.theta)) <= 1e-12


def test_a_batch_cut_in_mid_episode_bootstraps():
    """Three steps of an endless task with V^π in the critic: Σ_{t<3} P(s_t) Σ_a ∇π Q^π, Q of the whole future."""
    endless = World(replace(garnet(np.random.default_rng(4), 3, 2, 2, 0.8), start=np.eye(3)[0]))
    assert endless.all.truncated[-1].all()
    config = a2c.Config(gamma=0.8, lam=0.7)
    got = endless.mean(
        lambda b: a2c.loss_and_grad(endless.agent, endless.theta, endless.judged(b, config), config)[1]
    )
    field = endless.through(endless.visits[:, None] * action_values(endless.mdp, endless.policy))
    assert relative_error(HORIZON * got, field) <= 1e-12
    ended = endless.mean(
        lambda b: a2c.loss_and_grad(
            endless.agent, endless.theta, endless.judged(b._replace(terminated=b.truncated), config), config
        )[1]
    )
    assert relative_error(HORIZON * ended, field) > 0.1  # truncation taken for termination


# ---- PPO ----


@pytest.mark.parametrize("objective", ["clip", "penalty"])
def test_ppos_first_step_follows_the_policy_gradient(objective):
    """At θ_old ρ = 1, nothing is clipped, the KL is flat: ∇J/T, for every λ."""
    config = ppo.Config(gamma=1.0, lam=0.8, objective=objective)
    got = EVEN.mean(lambda b: ppo.loss_and_grad(EVEN.agent, EVEN.theta, EVEN.judged(b, config), config, 2.0)[1])
    assert relative_error(HORIZON * got, truth(EVEN)) <= 1e-12


@pytest.mark.parametrize("size", [0.02, 0.5])
def test_ppos_second_epoch_follows_the_clipped_surrogate(size):
    """θ ≠ θ_old with the exact advantage: exact.clipped_surrogate_gradient; ∇J(θ) it is not."""
    config, at = ppo.Config(gamma=1.0, clip=0.2), EVEN.theta + size * EVEN.direction
    table = advantage(EVEN.mdp, EVEN.policy)
    got = EVEN.mean(lambda b: ppo.loss_and_grad(EVEN.agent, at, EVEN.with_advantage(b, table), config, 1.0)[1])
    expected = clipped_surrogate_gradient(EVEN.family, at, EVEN.theta, EVEN.visits, table, 0.2)
    assert relative_error(HORIZON * got, expected) <= 1e-12
    assert relative_error(expected, policy_gradient(EVEN.mdp, EVEN.family, at)) > 0.3 * size


def test_noise_in_the_advantage_moves_the_clipped_gradient_and_not_the_surrogates():
    """The surrogate is linear in A: an unbiased Â gives its gradient. The clip looks at the sign of Â: a third bias."""
    at, table = EVEN.theta + 0.5 * EVEN.direction, advantage(EVEN.mdp, EVEN.policy)
    gradients = {}
    for clip in (1e6, 0.2):
        config = ppo.Config(gamma=1.0, lam=1.0, clip=clip)
        gradients[clip] = HORIZON * EVEN.mean(
            lambda b, c=config: ppo.loss_and_grad(EVEN.agent, at, EVEN.judged(b, c), c, 1.0)[1]
        )
    linear = surrogate_gradient(EVEN.mdp, EVEN.family, at, EVEN.theta)
    exact = clipped_surrogate_gradient(EVEN.family, at, EVEN.theta, EVEN.visits, table, 0.2)
    assert relative_error(gradients[1e6], linear) <= 1e-12
    assert relative_error(gradients[0.2], exact) > 0.05


def test_ppo_penalty_away_from_the_old_policy():
    """∇L − β Σ_s μ(s) ∇KL(old‖θ)(s)."""
    config, at, beta = ppo.Config(gamma=1.0, lam=0.9, objective="penalty"), EVEN.theta + 0.5 * EVEN.direction, 2.0
    got = EVEN.mean(lambda b: ppo.loss_and_grad(EVEN.agent, at, EVEN.judged(b, config), config, beta)[1])
    d_kl = -EVEN.visits[:, None] * EVEN.policy / families.table(EVEN.family, at)
    expected = surrogate_gradient(EVEN.mdp, EVEN.family, at, EVEN.theta)
    expected = expected - beta * families.pull_back(EVEN.family, at, d_kl)
    assert relative_error(HORIZON * got, expected) <= 1e-12


# ---- TRPO ----


@pytest.mark.parametrize("size", [0.0, 0.5])
def test_trpo_follows_the_surrogate(size):
    at, config = EVEN.theta + size * EVEN.direction, trpo.Config(gamma=1.0, lam=0.7)
    got = EVEN.mean(lambda b: trpo.loss_and_grad(EVEN.agent, at, EVEN.judged(b, config))[1])
    assert relative_error(HORIZON * got, surrogate_gradient(EVEN.mdp, EVEN.family, at, EVEN.theta)) <= 1e-12
    gap = relative_error(HORIZON * got, policy_gradient(EVEN.mdp, EVEN.family, at))
    assert gap > 0.05 if size else gap <= 1e-12


def test_trpos_objective_constraint_and_fisher_matrix_are_the_exact_ones():
    """Means over trajectories of its surrogate, its KL and its Fisher-vector product; states by their share of rows."""
    at, mu = EVEN.theta + 0.5 * EVEN.direction, distribution(EVEN.visits)
    new, table = families.table(EVEN.family, at), advantage(EVEN.mdp, EVEN.policy)
    gain = surrogate(EVEN.mdp, new, EVEN.policy) - EVEN.mdp.start @ EVEN.value
    got = -EVEN.mean(lambda b: trpo.mean_surrogate(EVEN.agent, at, EVEN.with_advantage(b, table)))
    assert HORIZON * got == pytest.approx(gain, rel=1e-12)
    divergence = -EVEN.mean(lambda b: trpo.mean_kl(EVEN.agent, at, EVEN.with_advantage(b, table)))
    assert divergence == pytest.approx(mu @ kl(new, EVEN.policy), rel=1e-11)

    def product(batch):
        params, cache = policies.forward(EVEN.agent.policy, EVEN.theta, batch.obs[:, 0])
        return policies.fisher_vector_product(EVEN.agent.policy, EVEN.theta, params, cache, EVEN.direction)

    assert relative_error(-EVEN.mean(product), fisher(EVEN.family, EVEN.theta, mu) @ EVEN.direction) <= 1e-12


def test_trpos_whole_step_on_the_whole_distribution():
    """A deterministic world and a uniform policy: all trajectories are equally likely, one batch of them all *is* the
    distribution, and the step is √(2δ/xᵀ(F + cI)x) x with x = (F + cI)⁻¹ ∇J, nothing estimated."""
    rng = np.random.default_rng(6)
    mdp = garnet(rng, 3, 2, 1, 1.0)
    small = World(clocked(MDP(mdp.transition, mdp.reward, 1.0, np.eye(3)[0], mdp.terminal), HORIZON), hidden=())
    small.theta = 0 * small.theta
    small.policy = families.table(small.family, small.theta)
    small.value = evaluate(small.mdp, small.policy)
    assert len(small.chances) == 2**HORIZON
    config = trpo.Config(
        gamma=1.0, lam=0.5, damping=0.01, cg_iterations=50, cg_tolerance=1e-14, line_search=False, delta=0.01
    )
    samples = small.judged(small.batch(small.all), config)
    moved, _ = trpo.policy_step(small.agent, small.theta, samples, config)
    occupancy = discounted_occupancy(small.mdp, small.policy)
    matrix = fisher(small.family, small.theta, distribution(occupancy)) + 0.01 * np.eye(len(small.theta))
    gradient = policy_gradient(small.mdp, small.family, small.theta) / HORIZON
    x = np.linalg.solve(matrix, gradient)
    assert relative_error(moved - small.theta, np.sqrt(0.02 / (x @ matrix @ x)) * x) <= 1e-10
