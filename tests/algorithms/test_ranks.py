"""n ranks with the batch dealt out compute what one rank computes with the whole batch: to 1e-12, in float64.

What is not equal is chance: each rank draws actions and shuffles its rows with a generator of its own. So actions are a
function of the observation here, and an epoch is one minibatch.
"""

import numpy as np
import pytest

from scratchrl.algorithms import a2c, ppo, reinforce, trpo, vpg
from scratchrl.experience import agent as agents
from scratchrl.experience import scales as scaling
from scratchrl.experience.environments import make
from scratchrl.experience.rollout import start
from scratchrl.maths import optimizers, policies
from scratchrl.maths.ranks import ALONE

BIG = 10**6  # rows in a minibatch: all
CONFIGS = {
    "reinforce": (reinforce, {}),
    "vpg": (vpg, {"value_minibatch": BIG}),
    "vpg, total return": (vpg, {"value_minibatch": BIG, "phi": "total_return", "normalize_phi": False}),
    "a2c": (a2c, {"entropy_coefficient": 0.01}),
    "trpo": (trpo, {"value_minibatch": BIG, "steps": 24}),
    "natural gradient": (trpo, {"value_minibatch": BIG, "steps": 24, "line_search": False}),
    "ppo": (ppo, {"minibatch": BIG, "steps": 24, "policy_lr": 0.01, "target_kl": 0.01}),  # stops early
    "ppo, penalty": (ppo, {"minibatch": BIG, "steps": 24, "objective": "penalty", "value_clip": 0.2}),
}


@pytest.fixture(params=CONFIGS)
def algorithm(request):
    """(module, the changes to its Config)"""
    return CONFIGS[request.param]


def leaves(tree):
    if isinstance(tree, dict):
        return [leaf for key in sorted(tree) for leaf in leaves(tree[key])]
    return [leaf for part in tree for leaf in leaves(part)] if isinstance(tree, tuple) else [np.asarray(tree)]


def assert_equal(got, expected, atol):
    for one, other in zip(leaves(got), leaves(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=atol, atol=atol)


def same_bits(results):
    return len({b"".join(leaf.tobytes() for leaf in leaves(result)) for result in results}) == 1


# ---- one update, on columns of one batch ----


def state_of(module, draw, agent):
    rng = np.random.default_rng(1)
    theta, phi = draw.theta(agent, rng), draw.phi(agent, rng)
    at_rest = {"theta_optimizer": theta, "optimizer": theta, "phi_optimizer": phi}
    fields = {"theta": theta, "phi": phi, "beta": 0.5, "scales": (), "step": 0}
    fields |= {name: optimizers.adam(optimizers.adam_init(x), 0.1 * x, 1e-3)[0] for name, x in at_rest.items()}
    return module.State(**{name: fields[name] for name in module.State._fields})


@pytest.mark.parametrize("columns", [(0, 3, 5), (0, 1, 2, 5)], ids=["3 + 2", "1 + 1 + 3"])
def test_an_update_of_parts_is_that_of_the_whole(algorithm, columns, agent, draw, together):
    """Parts of different size, with different numbers of fillers or of padding: of rows that count.

    Five iterations of conjugate gradient, because more of them magnify rounding on these policies, which are drawn far
    from where training begins: after 15, one rank differs by up to 6e-7 from itself when its rows are in another order.
    """
    module, changes = algorithm
    few = {"cg_iterations": 5} if module is trpo else {}
    config, state = module.Config(**changes, **few), state_of(module, draw, agent)
    whole = module in (reinforce, vpg)
    drawn = draw.episodes if whole else draw.batch
    sizes = {"lengths": (4, 1, 7, 3, 5)} if whole else {}
    batch = drawn(agent, state.theta, np.random.default_rng(0), **sizes)

    def update(ranks):
        part = type(batch)(*(array[:, columns[ranks.rank] : columns[ranks.rank + 1]] for array in batch))
        return module.update(agent, state, part, config, np.random.default_rng(ranks.rank), ranks)

    expected = module.update(agent, state, batch, config, np.random.default_rng(0))
    results = together(len(columns) - 1, update)
    assert same_bits(results)
    assert_equal(results[0], expected, 1e-12)
    assert (expected[0].theta != state.theta).any()


# ---- whole runs ----


def hashed_actor(policy, state, config, rng):
    """obs → an action of π drawn with numbers that depend on the observation alone."""
    scramble = np.random.default_rng(7).standard_normal(100)

    def act(obs):
        params, _ = policies.forward(policy, state.theta, scaling.seen(state.scales, obs, config))
        noise = np.sin(1e4 * (obs @ scramble[: obs.shape[1]]))
        if policy.free:
            return params[:, :1] + np.exp(params[:, 1:]) * noise[:, None]
        probs = np.exp(params - params.max(axis=1, keepdims=True))
        cumulative = np.cumsum(probs, axis=1)
        return (cumulative < (0.5 + noise / 2)[:, None] * cumulative[:, -1:]).sum(axis=1)

    return act


def run(module, config, env, ranks):
    first, end = (config.num_envs * rank // ranks.size for rank in (ranks.rank, ranks.rank + 1))
    world = start(make(env, end - first, "sync"), 0, np.float64, ranks, first)
    return list(module.train(config, world, np.random.default_rng(0 if ranks.rank == 0 else 99)))


def config_of(module, changes):
    horizon = {"horizon": 20} if module in (reinforce, vpg) else {}
    sizes = {"total_steps": 300, "num_envs": 4, "hidden": (6,), "normalize_obs": True, "normalize_reward": True}
    return module.Config(**sizes, **changes, **horizon)


def assert_same_run(history, whole):
    """Weights, optimizers, statistics of observations and returns, steps, losses and episodes, update by update."""
    assert len(whole) == len(history) >= 3
    for (state, info), (expected, told) in zip(history, whole, strict=True):
        assert_equal(state, expected, 1e-12)
        both = [{**each, "episodes": tuple(np.sort(part) for part in each["episodes"])} for each in (info, told)]
        assert_equal(*both, 1e-10)  # episodes come rank by rank


@pytest.mark.parametrize(("env", "size"), [("CartPole-v1", 2), ("CartPole-v1", 3), ("Pendulum-v1", 2)])
def test_a_run_of_several_ranks_is_that_of_one(algorithm, env, size, together, monkeypatch):
    monkeypatch.setattr(agents, "actor", hashed_actor)
    module, changes = algorithm
    config = config_of(module, changes)
    histories = together(size, lambda ranks: run(module, config, env, ranks))
    assert same_bits([tuple(history) for history in histories])
    assert_same_run(histories[0], run(module, config, env, ALONE))


def test_a_rank_that_only_resets_plays_on_and_the_others_wait(together):
    """One environment each, one step a batch, NEXT_STEP: now and then a rank has nothing but a filler."""
    config = a2c.Config(total_steps=120, num_envs=2, steps=1, hidden=(4,), normalize_obs=True)

    def work(ranks):
        world = start(make("CartPole-v1", 1, "native"), 0, np.float64, ranks, ranks.rank)
        return list(a2c.train(config, world, np.random.default_rng(ranks.rank)))

    histories = together(2, work)
    assert same_bits([tuple(history) for history in histories])
    assert [state.step for state, _ in histories[0]] == list(range(2, 121, 2))
    assert sum(len(info["episodes"].returns) for _, info in histories[0]) >= 2
