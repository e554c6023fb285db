"""SAC: every gradient by complex step, the target sample by sample, the expected update against exact soft values."""

import itertools
from dataclasses import replace

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from scratchrl.algorithms import sac
from scratchrl.exact.bellman import soft_expected_operator
from scratchrl.exact.soft import soft_action_values, soft_policy_iteration
from scratchrl.exact.zoo import chain, garnet
from scratchrl.experience.actions import Range
from scratchrl.experience.replay import Replay, Transitions
from scratchrl.experience.rollout import collect
from scratchrl.experience.spaces import UnusableEnvironment
from scratchrl.experience.world import start
from scratchrl.maths import categorical, mlp, optimizers, soft, squashed_gaussian, targets
from scratchrl.maths.mlp import MLP
from scratchrl.maths.soft_actor import Actor
from scratchrl.oracle.differentiation import complex_step, relative_error

O, A, B, ALPHA, CONFIG = 3, 2, 12, 0.3, sac.Config(gamma=0.9)
AGENT = sac.Agent(
    Actor(MLP((O, 6, 2 * A)), -5.0, 2.0), MLP((O + A, 5, 1)), Range(np.array([0.0, 1.0]), np.array([2.0, 0.5]))
)


def samples_of(rng, rows=B):
    """Transitions whose actions are in [−1, 1]."""
    (obs, next_obs), action = rng.standard_normal((2, rows, O)), rng.uniform(-1, 1, (rows, A))
    return Transitions(obs, action, rng.standard_normal(rows), next_obs, *(rng.random((2, rows)) < 0.3))


def problem(seed):
    """(θ, φ, φ⁻, samples, two noises)"""
    rng = np.random.default_rng(seed)
    phi, target = rng.standard_normal((2, 2 * mlp.size(AGENT.critic)))
    return rng.standard_normal(mlp.size(AGENT.actor.mlp)), phi, target, samples_of(rng), rng.standard_normal((2, B, A))


# ---- derivatives ----


@pytest.mark.parametrize("seed", range(3))
def test_critics_gradient_is_the_complex_step_of_the_loss_with_the_target_held(seed):
    theta, phi, copy, samples, (noise, _) = problem(seed)
    y = sac.td_target(AGENT, theta, copy, ALPHA, samples, noise, CONFIG)
    _, d_phi = sac.critic_loss_and_grad(AGENT, phi, samples, y)
    truth = complex_step(lambda x: sac.critic_loss_and_grad(AGENT, x, samples, y)[0], phi)
    assert relative_error(d_phi, truth) <= 1e-12


@pytest.mark.parametrize("seed", range(3))
def test_actors_gradient_is_the_complex_step_of_the_loss(seed):
    theta, phi, _, samples, (_, noise) = problem(seed)
    _, d_theta, _ = sac.actor_loss_and_grad(AGENT, theta, phi, ALPHA, samples.obs, noise)
    truth = complex_step(lambda x: sac.actor_loss_and_grad(AGENT, x, phi, ALPHA, samples.obs, noise)[0], theta)
    assert relative_error(d_theta, truth) <= 1e-12


@pytest.mark.parametrize("log_alpha", [-3.0, 0.0, 1.5])
def test_temperatures_gradient_is_the_complex_step_of_the_loss_in_log_alpha(log_alpha):
    log_prob, at = np.random.default_rng(0).standard_normal(B), np.array([log_alpha])
    loss, d_log_alpha = sac.temperature_loss_and_grad(at, log_prob, -1.75)
    truth = complex_step(lambda x: sac.temperature_loss_and_grad(x, log_prob, -1.75)[0], at)
    assert relative_error(d_log_alpha, truth) <= 1e-12
    assert loss == pytest.approx(np.exp(log_alpha) * (-log_prob.mean() + 1.75))
    assert d_log_alpha.shape == (1,)


def test_the_temperature_falls_while_there_is_more_entropy_than_asked_for_and_rises_otherwise():
    """(4) does not go through log π into θ: its gradient is log α's alone, and the sign is that of H − H̄."""
    for entropy, sign in ((-1.0, 1), (-3.0, -1)):
        assert np.sign(sac.temperature_loss_and_grad(np.zeros(1), np.full(B, -entropy), -2.0)[1]) == sign


# ---- the target ----


def test_target_sample_by_sample():
    theta, _, copy, samples, (noise, _) = problem(4)
    y = sac.td_target(AGENT, theta, copy, ALPHA, samples, noise, CONFIG)
    low, high = (mlp.size(AGENT.critic) * k for k in (1, 2))
    for b in range(B):
        out = mlp.forward(AGENT.actor.mlp, theta, samples.next_obs[b : b + 1])[0]
        log_std = -1.5 + 3.5 * np.tanh(out[:, A:])
        u = out[:, :A] + np.exp(log_std) * noise[b]
        x = np.hstack([samples.next_obs[b : b + 1], np.tanh(u)])
        q = min(mlp.forward(AGENT.critic, phi, x)[0].item() for phi in (copy[:low], copy[low:high]))
        entropy_bonus = -ALPHA * squashed_gaussian.log_prob(out[:, :A], log_std, u).item()
        future = 0.0 if samples.terminated[b] else 0.9 * (q + entropy_bonus)
        assert y[b] == pytest.approx(samples.reward[b] + future, rel=1e-10)
    assert (samples.truncated & ~samples.terminated).any()
    assert samples.terminated.any()


def test_nothing_is_left_after_the_end_not_even_entropy_and_truncation_is_no_end():
    theta, _, copy, samples, (noise, _) = problem(5)
    ends = [np.zeros(B, bool), np.ones(B, bool)]
    y = {}
    for terminated, truncated in itertools.product(ends, ends):
        flagged = samples._replace(terminated=terminated, truncated=truncated)
        y[terminated[0], truncated[0]] = sac.td_target(AGENT, theta, copy, 100.0, flagged, noise, CONFIG)
    for cut in (False, True):
        np.testing.assert_array_equal(y[True, cut], samples.reward)
    np.testing.assert_array_equal(y[False, True], y[False, False])
    assert (y[False, False] != samples.reward).all()


def test_the_target_asks_the_policy_of_now_what_it_does_next_and_not_the_replay():
    theta, _, copy, samples, (noise, other) = problem(6)
    y = sac.td_target(AGENT, theta, copy, ALPHA, samples, noise, CONFIG)
    alive = ~samples.terminated
    same = samples._replace(action=0 * samples.action, obs=0 * samples.obs)
    np.testing.assert_array_equal(sac.td_target(AGENT, theta, copy, ALPHA, same, noise, CONFIG), y)
    for changed in ((theta, other), (theta + 0.1, noise)):
        assert (sac.td_target(AGENT, changed[0], copy, ALPHA, samples, changed[1], CONFIG) != y)[alive].all()


# ---- on known MDPs: a table of Q, a table of logits ----

WORLDS = {"chain": chain(), "garnet": garnet(np.random.default_rng(0), 5, 3, gamma=0.8)}


def expected_target(mdp, q1, q2, policy, alpha):
    """E[y | s, a] over s' ~ P and a' ~ π, with y from `targets.sac_target`, the target that sac.py learns from."""
    y = np.zeros_like(q1)
    reward, log_policy = np.broadcast_to(mdp.reward, mdp.transition.shape), np.log(policy)
    for s, a, t, b in itertools.product(*map(range, (*mdp.transition.shape, q1.shape[1]))):
        end, no, one = mdp.terminal[[t]], np.zeros(1, bool), reward[[s], a, t]
        sample = targets.sac_target(one, q1[[t], b], q2[[t], b], log_policy[[t], b], end, no, mdp.gamma, alpha)
        y[s, a] += mdp.transition[s, a, t] * policy[t, b] * sample.item()
    return y


def expected_actor_gradient(logits, q, alpha):
    """∂/∂logits of E_a[α log π − Q] at every state, from `soft.sac_policy_loss` and the score: Σ_a π (L_a score_a)."""
    policy, total = categorical.softmax(logits), np.zeros_like(logits)
    for a in range(logits.shape[1]):
        action = np.full(len(logits), a)
        loss, *_ = soft.sac_policy_loss(categorical.log_prob(logits, action), q[:, a], q[:, a], alpha)
        total += (policy[:, a] * loss)[:, None] * categorical.score(logits, action)  # E[∂ log π] = 0: no more terms
    return total


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("alpha", [0.1, 1.0])
def test_expected_target_is_the_soft_bellman_operator_of_the_smaller_critic(name, alpha):
    mdp, rng = WORLDS[name], np.random.default_rng(1)
    q, more = rng.standard_normal(mdp.transition.shape[:2]), rng.random(mdp.transition.shape[:2])
    policy, alive = rng.dirichlet(np.ones(q.shape[1]), size=len(q)), ~mdp.terminal
    truth = soft_expected_operator(mdp, policy, q, alpha)[alive]
    for pair in ((q, q), (q, q + more), (q + more, q)):
        np.testing.assert_allclose(expected_target(mdp, *pair, policy, alpha)[alive], truth, atol=1e-12)


@pytest.mark.parametrize("name", WORLDS)
def test_the_actors_expected_gradient_vanishes_at_the_soft_optimal_policy_and_points_there(name):
    """The loss is α KL(π‖softmax(Q/α)) up to a constant: logits Q/α, or Q/α + c in each row, are its minimum."""
    mdp, alpha, rng = WORLDS[name], 0.5, np.random.default_rng(2)
    q = soft_policy_iteration(mdp, alpha).q
    assert np.abs(expected_actor_gradient(q / alpha + rng.standard_normal((len(q), 1)), q, alpha)).max() < 1e-12
    logits = rng.standard_normal(q.shape)
    truth = alpha * complex_step(lambda x: categorical.kl(x, (q / alpha).astype(x.dtype)).sum(), logits)
    assert relative_error(expected_actor_gradient(logits, q, alpha), truth) <= 1e-11


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_expected_updates_lead_to_the_exact_soft_optimal_values_and_policy(name, alpha):
    """A full step of the critics and a natural-gradient step of the actor (its gradient over π; 1/α long, it leads
    to softmax(Q/α)), again and again, from zeros: (1) to (3) in expectation."""
    mdp = WORLDS[name]
    best, alive = soft_policy_iteration(mdp, alpha), ~mdp.terminal
    q, logits = np.zeros((2, *mdp.transition.shape[:2]))
    for _ in range(150):
        policy = categorical.softmax(logits)
        q = np.where(alive[:, None], expected_target(mdp, q, q, policy, alpha), 0.0)
        logits = logits - expected_actor_gradient(logits, q, alpha) / (alpha * policy)
    np.testing.assert_allclose(q[alive], best.q[alive], atol=1e-5)
    np.testing.assert_allclose(categorical.softmax(logits)[alive], best.policy[alive], atol=1e-5)


def test_the_expected_target_of_a_fixed_policy_leads_to_its_soft_values():
    mdp, alpha = WORLDS["garnet"], 0.7
    policy, alive = np.random.default_rng(3).dirichlet(np.ones(3), size=5), ~mdp.terminal
    q = np.zeros((5, 3))
    for _ in range(100):
        q = expected_target(mdp, q, q, policy, alpha)
    np.testing.assert_allclose(q[alive], soft_action_values(mdp, policy, alpha)[alive], atol=1e-8)


# ---- one update ----

SMALL = replace(CONFIG, capacity=50, minibatch=16, learning_starts=0)


def state_of(seed, rows=30, step=0):
    """In mid-run, float64; the replay holds actions of the environment."""
    theta, phi, copy, *_ = problem(seed)
    rng, log_alpha = np.random.default_rng(seed), np.log([ALPHA])
    memories = [optimizers.adam(optimizers.adam_init(x), x, 1e-3)[0] for x in (theta, phi, log_alpha)]
    full = samples_of(rng, SMALL.capacity)
    full = full._replace(action=sac.actions.to_env(AGENT.box, full.action))
    return sac.State(
        theta, phi, copy, log_alpha, *memories, Replay(*full, np.zeros(SMALL.capacity, np.int32), rows, rows), step
    )


def test_a_gradient_step_is_critics_then_actor_then_temperature_then_copies():
    state, config = state_of(0), replace(SMALL, policy_lr=0.1, value_lr=0.2, alpha_lr=0.3, tau=0.25)
    new, info = sac.gradient_step(AGENT, state, config, np.random.default_rng(1))
    rng = np.random.default_rng(1)
    samples = sac.replay.sample(state.replay, rng, 16)
    samples = samples._replace(action=(samples.action - AGENT.box.middle) / AGENT.box.half)
    assert np.abs(samples.action).max() <= 1 + 1e-12
    first, second = rng.standard_normal((2, 16, A))
    y = sac.td_target(AGENT, state.theta, state.target, ALPHA, samples, first, config)
    critic_loss, d_phi = sac.critic_loss_and_grad(AGENT, state.phi, samples, y)
    memory, step = optimizers.adam(state.phi_optimizer, d_phi, 0.2)
    np.testing.assert_allclose(new.phi, state.phi + step, rtol=1e-12)
    np.testing.assert_allclose(new.phi_optimizer.v, memory.v, rtol=1e-12)
    actor_loss, d_theta, log_prob = sac.actor_loss_and_grad(AGENT, state.theta, new.phi, ALPHA, samples.obs, second)
    np.testing.assert_allclose(new.theta, state.theta + optimizers.adam(state.theta_optimizer, d_theta, 0.1)[1])
    _, d_log_alpha = sac.temperature_loss_and_grad(state.log_alpha, log_prob, -A)
    moved = state.log_alpha + optimizers.adam(state.alpha_optimizer, d_log_alpha, 0.3)[1]
    np.testing.assert_allclose(new.log_alpha, moved, rtol=1e-12)
    np.testing.assert_allclose(new.target, 0.25 * new.phi + 0.75 * state.target, rtol=1e-12)
    truth = {"losses/qf_loss": critic_loss, "losses/actor_loss": actor_loss, "losses/entropy": -log_prob.mean()}
    assert info == pytest.approx(truth, rel=1e-10)


def test_a_temperature_that_is_not_learnt_stays_and_an_entropy_asked_for_counts():
    still = sac.gradient_step(AGENT, state_of(1), replace(SMALL, learn_alpha=False), np.random.default_rng(1))[0]
    assert still.log_alpha == np.log(ALPHA)
    for wanted, sign in ((-1000.0, -1), (1000.0, 1)):
        state = state_of(1)._replace(alpha_optimizer=optimizers.adam_init(np.zeros(1)))
        new = sac.gradient_step(AGENT, state, replace(SMALL, target_entropy=wanted), np.random.default_rng(1))[0]
        assert np.sign(new.log_alpha - state.log_alpha) == sign
        np.testing.assert_array_equal(new.theta, still.theta)


def test_float32_gives_the_same_numbers_as_float64_to_its_precision():
    theta, phi, copy, samples, (first, second) = problem(7)
    short = [x.astype(np.float32) for x in (theta, phi, copy, first, second)]
    rows = Transitions(*(x.astype(np.float32) if x.dtype == float else x for x in samples))
    alpha = np.float32(ALPHA)
    y = sac.td_target(AGENT, short[0], short[2], alpha, rows, short[3], CONFIG)
    truth = sac.td_target(AGENT, theta, copy, ALPHA, samples, first, CONFIG)
    got = (y, *sac.critic_loss_and_grad(AGENT, short[1], rows, y))
    got += sac.actor_loss_and_grad(AGENT, short[0], short[1], alpha, rows.obs, short[4])
    truths = (truth, *sac.critic_loss_and_grad(AGENT, phi, samples, truth))
    truths += sac.actor_loss_and_grad(AGENT, theta, phi, ALPHA, samples.obs, second)
    for x, exact in zip(got, truths, strict=True):
        assert x.dtype == np.float32
        np.testing.assert_allclose(x, exact, rtol=1e-3, atol=1e-3)


# ---- actions ----


def test_log_prob_is_that_of_actions_in_the_cube_whatever_the_environments_units():
    """Stretching the Box changes no loss and no gradient: only a density over the environment's actions would move, by
    Σ log half."""
    theta, phi, _, samples, (_, noise) = problem(8)
    wide = AGENT._replace(box=Range(*(10.0 * side for side in AGENT.box)))
    one, other = (sac.actor_loss_and_grad(a, theta, phi, ALPHA, samples.obs, noise) for a in (AGENT, wide))
    for x, y in zip(one, other, strict=True):
        np.testing.assert_array_equal(x, y)


def test_exploration_is_uniform_at_first_and_then_the_policys():
    state, rng = state_of(2), np.random.default_rng(0)
    obs, config = np.zeros((4000, O)), replace(SMALL, learning_starts=10)
    early = (sac.explore(AGENT, state, config, rng, obs) - AGENT.box.middle) / AGENT.box.half
    assert np.abs(early).max() < 1
    assert np.abs(np.quantile(early, [0.25, 0.5, 0.75], axis=0).T - [-0.5, 0, 0.5]).max() < 0.08  # 5 deviations
    late = sac.explore(AGENT, state._replace(step=10), config, np.random.default_rng(1), obs[:1])
    y = mlp.forward(AGENT.actor.mlp, state.theta, obs[:1])[0]
    drawn = squashed_gaussian.sample(np.random.default_rng(1), *sac.soft_actor.distribution(AGENT.actor, y))
    np.testing.assert_allclose(late, AGENT.box.middle + AGENT.box.half * drawn)


def test_the_boxes_bounds_reach_the_agent():
    class Envs:
        single_observation_space, single_action_space = Box(-1, 1, (O,)), Box(np.float32([0, -3]), np.float32([4, 5]))

    agent = sac.build(Envs, sac.Config(hidden=(7,), log_std_low=-4.0, log_std_high=1.0))
    assert agent.actor == Actor(MLP((O, 7, 2 * A), "relu"), -4.0, 1.0)
    assert agent.critic == MLP((O + A, 7, 1), "relu")
    np.testing.assert_array_equal(agent.box, [[2, 1], [2, 4]])


def test_bounds_of_log_std_in_the_wrong_order_are_refused():
    with pytest.raises(ValueError, match=r"^log_std_high: expected a number above 2\.0, got -5\.0"):
        sac.Config(log_std_low=2.0, log_std_high=-5.0)


# ---- train ----


class Counting(gymnasium.Env):
    """Ends after 5 steps, by termination and truncation in turn; obs counts steps and episodes; the reward is a₀."""

    observation_space = Box(-np.inf, np.inf, (O,), np.float32)
    action_space = Box(np.array([-2.0, 4.5]), np.array([2.0, 5.5]), dtype=np.float64)

    def __init__(self):
        self.episode = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t, self.episode = 0, self.episode + 1
        return np.array([0, self.episode % 3, 1], np.float32), {}

    def step(self, action):
        assert self.action_space.contains(action)
        self.t += 1
        ended, kind = self.t == 5, self.episode % 2 == 0
        return np.array([self.t, 0, 1], np.float32), float(action[0]), ended and kind, ended and not kind, {}


TINY = sac.Config(
    total_steps=200, num_envs=2, hidden=(8,), capacity=90, learning_starts=40, minibatch=16, report_every=50, steps=3
)


def world_of(count=2, dtype=np.float32, mode=AutoresetMode.DISABLED):
    return start(SyncVectorEnv([Counting] * count, autoreset_mode=mode), 7, dtype)


def run(config, world, rng, state=None, count=None):
    return list(itertools.islice(sac.train(config, world, rng, state), count))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("changes", [{}, {"updates": 3, "learn_alpha": False}], ids=["learnt", "fixed"])
def test_a_run_in_two_generators_is_the_run_in_one(dtype, changes, assert_same_bits, leaves):
    """(state, rng, world) are all there is, also after the ring has come round; in both precisions."""
    config = replace(TINY, **changes)
    whole = run(config, world_of(dtype=dtype), np.random.default_rng(0))
    world, rng = world_of(dtype=dtype), np.random.default_rng(0)
    begun = run(config, world, rng, count=2)
    assert_same_bits(run(config, world, rng, begun[-1][0])[-1], whole[-1])
    last = whole[-1][0]
    assert last.step > last.replay.size == 90
    assert {x.dtype for x in leaves(last) if x.dtype.kind == "f"} == {np.dtype(dtype)}
    assert (last.theta != run(config, world_of(dtype=dtype), np.random.default_rng(1))[-1][0].theta).any()
    assert (last.log_alpha == 0) == ("learn_alpha" in changes)


def test_train_reports_at_multiples_and_every_episode_once():
    history = run(TINY, world_of(), np.random.default_rng(0))
    assert [state.step for state, _ in history] == [54, 102, 150, 204]
    assert sum(info["episodes"].lengths.sum() for _, info in history) == 200
    names = {"losses/qf_loss", "losses/actor_loss", "losses/entropy", "losses/alpha", "episodes"}
    assert all(set(info) == names for _, info in history)
    assert run(TINY, world_of(), np.random.default_rng(0), history[-1][0]) == []


def test_nothing_is_learnt_before_learning_starts(assert_same_bits):
    world = world_of()
    state, info = run(replace(TINY, learning_starts=1000), world, np.random.default_rng(0))[-1]
    first = sac.init(TINY, world, np.random.default_rng(0))
    assert_same_bits(state[:7], first[:7])
    assert np.isnan(info["losses/qf_loss"])
    critics = first.phi.reshape(2, -1)
    assert (critics[0] != critics[1]).any()
    np.testing.assert_array_equal(first.phi, first.target)


def test_update_does_not_see_rows_that_are_no_transition(assert_same_bits):
    results = []
    for absurd in (0.0, 1e30):
        world, rng = world_of(mode=AutoresetMode.NEXT_STEP, dtype=np.float64), np.random.default_rng(0)
        config = replace(TINY, learning_starts=0, minibatch=4)
        agent, state = sac.build(world.envs, config), sac.init(config, world, rng)
        batch, _ = collect(world, lambda obs: np.tile([0.0, 5.0], (2, 1)), 1)
        batch = batch._replace(
            valid=np.array([[True, False]]),
            obs=batch.obs + absurd * np.array([0, 1])[None, :, None],
            reward=batch.reward + absurd * np.array([[0, 1]]),
        )
        results.append(sac.update(agent, state, batch, config, np.random.default_rng(1)))
    assert_same_bits(*results)
    assert results[0][0].step == results[0][0].replay.size == 1


def test_update_writes_to_nothing_but_the_replay(leaves):
    state, rng = run(TINY, world_of(dtype=np.float64), np.random.default_rng(0))[-1][0], np.random.default_rng(1)
    world = world_of(dtype=np.float64)
    batch, _ = collect(world, lambda obs: np.tile([0.0, 5.0], (2, 1)), 4)
    before = [x.copy() for x in leaves(state._replace(replay=()))]
    new, _ = sac.update(sac.build(world.envs, TINY), state, batch, TINY, rng)
    for x, then in zip(leaves(state._replace(replay=())), before, strict=True):
        np.testing.assert_array_equal(x, then)
    assert (new.target != state.target).any()


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_a_run_of_single_steps_in_every_autoreset_mode(mode, leaves):
    """The replay holds the environment's actions and both kinds of ends."""
    config = replace(TINY, steps=1, num_envs=1, total_steps=60, learning_starts=10, report_every=1)
    history = run(config, world_of(1, mode=mode), np.random.default_rng(0))
    assert [state.step for state, _ in history] == list(range(1, 61))
    memory = history[-1][0].replay
    assert memory.terminated.sum() == memory.truncated.sum() == 6
    low, high = Counting.action_space.low, Counting.action_space.high
    assert ((memory.action[:60] >= low) & (memory.action[:60] <= high)).all()
    np.testing.assert_allclose(memory.reward[:60], memory.action[:60, 0], rtol=1e-6)
    assert all(np.isfinite(leaf).all() for leaf in leaves(history[-1][0]))


def test_the_player_plays_the_median_or_draws():
    world = world_of(dtype=np.float64)
    state = run(TINY, world, np.random.default_rng(0))[-1][0]
    agent, obs = sac.build(world.envs, TINY), np.random.default_rng(1).standard_normal((2, O))
    median = sac.player(world.envs, state, TINY, np.random.default_rng(2), deterministic=True)
    mean = mlp.forward(agent.actor.mlp, state.theta, obs)[0][:, :A]
    np.testing.assert_allclose(median(obs), agent.box.middle + agent.box.half * np.tanh(mean), rtol=1e-13)
    early = state._replace(step=0)  # evaluation never acts at random
    act = sac.player(world.envs, early, TINY, np.random.default_rng(2), deterministic=False)
    drawn = np.array([act(obs) for _ in range(2000)])
    assert (drawn[0] != drawn[1]).any()
    below = (drawn < median(obs)).mean(axis=0)
    assert (np.abs(below - 0.5) < 5 * 0.5 / 2000**0.5).all()  # false alarm 6e-7 each


def test_actions_without_bounds_or_without_numbers_are_refused():
    for space in (Discrete(3), Box(-np.inf, np.inf, (2,))):
        world = world_of()
        world.envs.single_action_space = space
        with pytest.raises(UnusableEnvironment, match="action space must be"):
            run(TINY, world, np.random.default_rng(0))
