"""Memory: the most that a fresh process ever holds, from what Linux writes down about it.

Training counts everything: interpreter, libraries, environments. An update of a million rows is counted over what the
process holds before it, which is the libraries, the kernels and the data themselves.
"""

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from scratchrl.algorithms import a2c, ppo, reinforce, trpo, vpg
from scratchrl.bench import fresh
from scratchrl.bench.work import Run, Setup, Work
from scratchrl.experience.agent import Agent
from scratchrl.experience.batch import Batch
from scratchrl.maths import initialization, optimizers, policies
from scratchrl.maths.mlp import MLP

OBSERVATION, ACTION, HIDDEN, STEPS = 17, 6, (64, 64), 1000
UPDATES: dict[str, tuple[Any, dict[str, Any]]] = {  # with the settings that make it short
    "TRPO": (trpo, {"cg_iterations": 10, "cg_tolerance": 0.0, "value_epochs": 1, "value_minibatch": 4096}),
    "PPO": (ppo, {"epochs": 1, "minibatch": 4096}),
    "VPG": (vpg, {"value_epochs": 1, "value_minibatch": 4096}),
    "A2C": (a2c, {}),
    "REINFORCE": (reinforce, {}),
}
TRAINING = """
import numpy as np
from scratchrl.algorithms import ppo
from scratchrl.experience import environments, rollout
world = rollout.start(environments.make("CartPole-v1", 8, "sync"), 0, np.dtype("float32"))
for _ in ppo.train(ppo.Config(total_steps=8192, num_envs=8, steps=128), world, np.random.default_rng(0)):
    pass
"""
PEER_TRAINING = """
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
envs = make_vec_env("CartPole-v1", 8)
PPO("MlpPolicy", envs, n_steps=128, n_epochs=10, batch_size=64, device="cpu", seed=0).learn(8192)
"""
PEAK = """
from scratchrl.bench import fresh
print(fresh.megabytes("VmHWM"))
"""


class Update(NamedTuple):
    """An algorithm's update of a HalfCheetah-sized agent, but for the batch."""

    algorithm: Any
    agent: Agent
    state: Any
    config: Any

    def __call__(self, batch: Batch) -> tuple[Any, dict[str, float]]:
        """All that the algorithm does with a batch: judge it, change the policy, fit the value function."""
        return self.algorithm.update(self.agent, self.state, batch, self.config, np.random.default_rng(0))


def prepared(name: str, **settings: Any) -> Update:
    """The update that UPDATES calls so, with these settings beside its own, at random parameters."""
    algorithm, short = UPDATES[name]
    agent = Agent(policies.gaussian_policy(OBSERVATION, ACTION, HIDDEN), MLP((OBSERVATION, *HIDDEN, 1)))
    rng = np.random.default_rng(0)
    theta = policies.init(agent.policy, rng, dtype=np.float32)
    phi = initialization.init(agent.value, rng, dtype=np.float32)
    climb, descend = optimizers.adam_init(theta), optimizers.adam_init(phi)
    adam = {"theta_optimizer": climb, "optimizer": climb, "phi_optimizer": descend}
    fields = {"theta": theta, "phi": phi, **adam, "beta": 1.0, "scales": None, "step": 0}
    state = algorithm.State(**{field: fields[field] for field in algorithm.State._fields})
    return Update(algorithm, agent, state, algorithm.Config(**{**short, **settings}))


def data(rows: int) -> Batch:
    """A batch of random transitions, STEPS of them in each environment."""
    rng, shape = np.random.default_rng(0), (STEPS, rows // STEPS)
    obs, next_obs = (rng.standard_normal((*shape, OBSERVATION), dtype=np.float32) for _ in range(2))
    action, reward = (rng.standard_normal((*shape, *extra), dtype=np.float32) for extra in ((ACTION,), ()))
    no = np.zeros(shape, bool)
    return Batch(obs, action, reward, next_obs, rng.random(shape) < 0.001, no, ~no)


def over_the_data(name: str, rows: int, **settings: Any) -> float:
    """MB that this process holds at most while it makes an update, above what it held before."""
    update = prepared(name, **settings)
    update(data(STEPS))  # loads the kernels
    batch = data(rows)
    before = fresh.megabytes("VmRSS")
    update(batch)
    return fresh.megabytes("VmHWM") - before


def printed(code: str, package: str = "scratchrl") -> Run:
    """The number that a fresh process prints."""
    fresh.require(package)
    return lambda: float(fresh.output("-c", code))


def peak(code: str, package: str = "scratchrl") -> Run:
    """MB that a fresh process holds at most while it runs the code."""
    return printed(code + PEAK, package)


def of_an_update(name: str, rows: int, note: str = "", **settings: Any) -> Work:
    """A row: at most 1 GiB for a million rows."""
    keywords = "".join(f", {key}={value!r}" for key, value in settings.items())
    code = f"from scratchrl.bench import memory; print(memory.over_the_data({name!r}, {rows}{keywords}))"
    ours: dict[str, Setup] = {"ours": partial(printed, code)}
    title = f"{name} update{note}, {rows:,} × {OBSERVATION}, over the data"
    return Work(title, "memory", ours, {}, at_most=1024**3 / 1e6, unit="MB", whole=True, slow=True)


WORKS = (
    Work(
        "PPO training, CartPole-v1, 8 envs", "memory",
        {"ours": partial(peak, TRAINING), "stable-baselines3": partial(peak, PEER_TRAINING, "stable_baselines3")},
        {}, at_most=180, unit="MB", whole=True,
    ),
    *(of_an_update(name, 1_000_000) for name in UPDATES),
    of_an_update("PPO", 1_000_000, ", one minibatch", minibatch=1_000_000),
) if fresh.MEMORY.exists() else ()  # fmt: skip
