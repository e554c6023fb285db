"""Cold start: a fresh process until it answers, has played its first rollout, has made its first update.

Kernels come from the cache on disk. Both sides play 8 environments of CartPole-v1 for 128 steps, know the value and the
log-probability of each, and make 10 epochs of 16 minibatches of them.
"""

from functools import partial

from scratchrl.bench import fresh
from scratchrl.bench.work import Run, Setup, Work

OURS = """
import numpy as np
from scratchrl.algorithms import ppo
from scratchrl.experience import agent, environments, rollout, samples
config, rng = ppo.Config(total_steps=1024, num_envs=8, steps=128), np.random.default_rng(0)
world = rollout.start(environments.make("CartPole-v1", 8, "sync"), 0, np.dtype("float32"))
state = ppo.init(config, world, rng)
"""
ROLLOUT = """
player = agent.build(world.envs, config)
batch, _ = rollout.collect(world, agent.actor(player.policy, state, config, rng), config.steps)
samples.judged(player, state.theta, state.phi, batch, config.gamma, config.lam)
"""
UPDATE = "next(ppo.train(config, world, rng, state))"
PEER = """
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
peer = PPO("MlpPolicy", make_vec_env("CartPole-v1", 8), n_steps=128, n_epochs=10, batch_size=64, device="cpu", seed=0)
"""
PEER_ROLLOUT = """
_, callback = peer._setup_learn(1024)
peer.collect_rollouts(peer.env, callback, peer.rollout_buffer, n_rollout_steps=128)
"""
PEER_UPDATE = "peer.learn(1024)"


def starting(*arguments: str) -> Run:
    """A process with these arguments, once beforehand so that all is in the caches of disk and kernels."""
    fresh.output(*arguments)
    return partial(fresh.output, *arguments)


def peer(code: str) -> Run:
    fresh.require("stable_baselines3")
    return starting("-c", code)


def answer(command: str, at_most: float) -> Work:
    """A process of the command line that answers and ends."""
    setup: Setup = partial(starting, "-m", "scratchrl", *command.split())
    return Work(f"scratchrl {command}", "starting", {"ours": setup}, {}, at_most=at_most, whole=True)


def first(name: str, ours: str, theirs: str, at_most: float) -> Work:
    """A process of either library until it has done that."""
    contenders: dict[str, Setup] = {
        "ours": partial(starting, "-c", OURS + ours), "stable-baselines3": partial(peer, PEER + theirs),
    }  # fmt: skip
    targets = {"stable-baselines3": 3.5}
    return Work(f"fresh process: {name}", "starting", contenders, targets, at_most=at_most, whole=True)


WORKS = (
    answer("--help", 0.5),
    answer("train --help", 0.5),
    answer("train ppo --help", 0.5),
    first("import, first PPO rollout", ROLLOUT, PEER_ROLLOUT, 1.0),
    first("import, first PPO rollout and update", UPDATE, PEER_UPDATE, 1.5),
)
