"""Updates of Stable-Baselines3's PPO and sb3-contrib's TRPO as they are installed, recorded and replayed.

They agree in every stage under the conventions named here, and mistakes put into them are found and named. Needs the
two libraries; elsewhere the whole file is skipped.
"""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from scratchrl.oracle.trace import replay

torch = pytest.importorskip("torch")
stable_baselines3 = pytest.importorskip("stable_baselines3")
sb3_contrib = pytest.importorskip("sb3_contrib")
gymnasium = pytest.importorskip("gymnasium")

RECORDERS = Path(__file__).parents[2] / "examples" / "recorders"
SHORT = {"n_steps": 64, "batch_size": 32, "seed": 1, "device": "cpu"}
RELU = {"policy_kwargs": {"activation_fn": torch.nn.ReLU, "net_arch": {"pi": [32], "vf": [64, 32]}}}
PPO = {"advnorm-ddof", "value-loss-half"}
TRPO = {"advnorm-ddof", "cg-abs-tol", "trpo-damped-sHs", "kl-swapped-args"}
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Networks of 64 units are not worth a second one."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def recorder():
    """Function name -> the recorder's module."""
    sys.path.insert(0, str(RECORDERS))
    yield importlib.import_module
    sys.path.remove(str(RECORDERS))


def environments(name, count=2):
    """Cut after 37 steps, so that each rollout meets a time limit."""
    from stable_baselines3.common.env_util import make_vec_env

    return make_vec_env(lambda: gymnasium.make(name, max_episode_steps=37), n_envs=count, seed=0)


@pytest.fixture
def ppo(recorder):
    """Function (environment, gradient step, **options) -> recording."""

    def record(name, gradient_step=0, **options):
        model = stable_baselines3.PPO("MlpPolicy", environments(name), **SHORT, **options)
        return recorder("record_sb3_ppo").record(model, gradient_step)

    return record


@pytest.fixture
def trpo(recorder):
    """Function (environment, **options) -> recording."""

    def record(name, **options):
        model = sb3_contrib.TRPO("MlpPolicy", environments(name), **SHORT, **options)
        return recorder("record_contrib_trpo").record(model)

    return record


def share(found):
    """How many of the stages were recorded."""
    return np.mean([row.verdict != "not recorded" for row in found.rows])


@pytest.mark.parametrize("name", ["CartPole-v1", "Pendulum-v1", "Acrobot-v1"])
@pytest.mark.parametrize("gradient_step", [0, 25])
def test_ppo(ppo, name, gradient_step):
    recording = ppo(name, gradient_step, ent_coef=0.01)
    found = replay(recording)
    assert found.agrees, str(found)
    assert set(found.conventions) == PPO, str(found)
    assert not found.suspects, str(found)
    assert share(found) == 1
    assert found.bits == 24
    assert recording["truncated"].any()


@pytest.mark.parametrize("name", ["CartPole-v1", "Pendulum-v1"])
@pytest.mark.parametrize("options", [RELU, {"normalize_advantage": False, "max_grad_norm": 0.01}], ids=["relu", "raw"])
def test_ppo_with_other_settings(ppo, name, options):
    found = replay(ppo(name, 9, ent_coef=0.05, **options))
    assert found.agrees, str(found)
    assert set(found.conventions) <= PPO
    assert not found.suspects, str(found)


def test_the_clipped_value_loss_of_sb3_is_two_conventions_at_once(ppo):
    """No maximum with the unclipped error, and no ½."""
    found = replay(ppo("Pendulum-v1", 25, clip_range_vf=1e-4))
    assert found.agrees, str(found)
    assert set(found.row("value_loss").slugs) == {"vclip-only-clipped", "value-loss-half"}


@pytest.mark.parametrize("name", ["CartPole-v1", "Pendulum-v1"])
@pytest.mark.parametrize("options", [{}, {"cg_damping": 0.01} | RELU], ids=["tanh", "relu"])
def test_trpo(trpo, name, options):
    found = replay(trpo(name, **options))
    assert found.agrees, str(found)
    assert {"trpo-damped-sHs", "kl-swapped-args"} <= set(found.conventions) <= TRPO, str(found)
    assert not found.suspects, str(found)
    replayed = {row.stage for row in found.rows if row.verdict != "not recorded"}
    assert {"product", "direction", "step_size", "after/policy", "fraction"} <= replayed


# ---- put a mistake into the library, and it is found ----


def test_a_time_limit_taken_for_the_end(ppo, recorder, monkeypatch):
    """As Stable-Baselines3 did until it looked at TimeLimit.truncated: nothing is folded into the reward."""
    rollout = recorder("sb3_rollout").Rollout
    step = rollout._on_step

    def and_forget(self):
        step(self)
        for info in self.locals["infos"]:
            info.pop("TimeLimit.truncated", None)
        return True

    monkeypatch.setattr(rollout, "_on_step", and_forget)
    found = replay(ppo("Pendulum-v1")).first_difference
    assert (found.stage, found.slugs) == ("advantage", ("gae-trunc-as-terminal",))


def test_gae_across_the_ends_of_episodes(ppo, monkeypatch):
    from stable_baselines3.common.buffers import RolloutBuffer

    compute = RolloutBuffer.compute_returns_and_advantage

    def without_ends(self, last_values, dones):
        compute(self, last_values, dones)
        advantage, following = 0.0, last_values.clone().numpy().flatten()
        ends = np.concatenate([self.episode_starts[1:], np.float32(dones)[None]])
        for t in reversed(range(self.buffer_size)):
            delta = self.rewards[t] + self.gamma * following * (1 - ends[t]) - self.values[t]
            advantage = delta + self.gamma * self.gae_lambda * advantage
            self.advantages[t], following = advantage, self.values[t]
        self.returns = self.advantages + self.values

    monkeypatch.setattr(RolloutBuffer, "compute_returns_and_advantage", without_ends)
    found = replay(ppo("CartPole-v1")).first_difference
    assert (found.stage, found.slugs) == ("advantage", ("gae-no-recursion-mask",))


def test_a_minimum_that_is_a_maximum(ppo, monkeypatch):
    monkeypatch.setattr(torch, "min", torch.max)
    found = replay(ppo("Pendulum-v1", 25, clip_range=0.01)).first_difference
    assert (found.stage, found.slugs) == ("policy_loss", ("ppo-max-for-min",))


def test_an_entropy_of_the_wrong_sign(ppo, monkeypatch):
    from stable_baselines3.common.distributions import DiagGaussianDistribution

    entropy = DiagGaussianDistribution.entropy
    monkeypatch.setattr(DiagGaussianDistribution, "entropy", lambda self: -entropy(self))
    assert replay(ppo("Pendulum-v1", ent_coef=0.01)).first_difference.stage == "entropy"


def test_a_clip_that_clips_nothing(ppo, monkeypatch):
    def norm_alone(parameters, max_norm):
        return torch.nn.utils.get_total_norm([parameter.grad for parameter in parameters])

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", norm_alone)
    found = replay(ppo("Pendulum-v1", max_grad_norm=0.01)).first_difference
    assert (found.stage, found.slugs) == ("clipped", ("clip-left-out",))


def test_a_divergence_of_the_wrong_size(trpo, monkeypatch):
    """Everything that is made from it is too small: the Fisher product shows it first."""
    from stable_baselines3.common.distributions import kl_divergence

    monkeypatch.setattr(sb3_contrib.trpo.trpo, "kl_divergence", lambda p, q: kl_divergence(p, q) / 2)
    found = replay(trpo("Pendulum-v1"))
    assert [row.stage for row in found.rows if row.verdict == "differs"][:1] == ["product"]
    assert found.row("kl_after").verdict == "differs"


def test_a_product_without_the_damping_that_was_set(trpo, monkeypatch):
    product = sb3_contrib.TRPO.hessian_vector_product

    def undamped(self, parameters, grad_kl, vector, retain_graph=True):
        return product(self, parameters, grad_kl, vector, retain_graph) - self.cg_damping * vector

    monkeypatch.setattr(sb3_contrib.TRPO, "hessian_vector_product", undamped)
    found = replay(trpo("CartPole-v1")).first_difference
    assert (found.stage, found.slugs) == ("product", ("fvp-undamped",))
