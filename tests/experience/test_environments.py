"""What `make` makes, and what it says when it cannot."""

import gymnasium
import pytest
from gymnasium.envs.classic_control.cartpole import CartPoleVectorEnv
from gymnasium.spaces import Discrete, MultiBinary
from gymnasium.vector import AsyncVectorEnv, AutoresetMode

from scratchrl.experience.environments import UnusableEnvironment, make
from scratchrl.experience.serial import SerialVectorEnv


def needs_rockets():
    raise gymnasium.error.DependencyNotInstalled("rockets is not installed, run `pip install rockets`")


def needs_no_such_module():
    import no_such_module  # noqa: F401


@pytest.fixture
def registered(monkeypatch):
    """register(**spec) for the length of a test."""
    monkeypatch.setattr(gymnasium.envs.registration, "registry", gymnasium.registry.copy())
    return gymnasium.register


class Unlearnable(gymnasium.Env):
    observation_space, action_space, closed = MultiBinary(2), Discrete(2), False

    def close(self):
        type(self).closed = True


@pytest.mark.parametrize(
    ("n", "vectorization", "kind"),
    [
        (1, "auto", SerialVectorEnv),
        (5, "auto", SerialVectorEnv),
        (6, "auto", CartPoleVectorEnv),
        (1, "native", CartPoleVectorEnv),
        (4, "sync", SerialVectorEnv),
        (2, "async", AsyncVectorEnv),
    ],
)
def test_kinds_of_vectorization(n, vectorization, kind):
    envs = make("CartPole-v1", n, vectorization)
    assert isinstance(envs, kind)
    assert envs.num_envs == n
    assert (envs.metadata["autoreset_mode"] is AutoresetMode.DISABLED) == (kind is not CartPoleVectorEnv)
    envs.close()


def test_auto_without_a_native_form_is_sync():
    assert isinstance(make("Pendulum-v1", 8), SerialVectorEnv)


def test_auto_with_a_native_form_that_cannot_be_imported_is_sync(registered):
    registered(
        "Half-v0",
        entry_point="gymnasium.envs.classic_control:CartPoleEnv",
        vector_entry_point="no_such_module:VectorEnv",
    )
    assert isinstance(make("Half-v0", 8), SerialVectorEnv)
    with pytest.raises(UnusableEnvironment, match=r"Half-v0 needs a package.*no_such_module"):
        make("Half-v0", 8, "native")


@pytest.mark.parametrize(
    ("env_id", "message"),
    [
        ("Cartpole-v1", "unknown environment 'Cartpole-v1': did you mean CartPole-v1"),
        ("CartPole-v99", "did you mean CartPole-v1"),
        ("CartPole", "did you mean CartPole-v1"),
        ("Qqqqq/Zzzzz-v0", "an id of another package is written module:id"),
        ("", "unknown environment ''"),
        ("no_such_module:Thing-v0", "cannot import no_such_module"),
        ("Blackjack-v1", "Blackjack-v1: observation space must be.*FlattenObservation"),
    ],
)
def test_unusable_environments_are_named_with_a_remedy(env_id, message):
    with pytest.raises(UnusableEnvironment, match=message):
        make(env_id)


@pytest.mark.parametrize("entry_point", [needs_rockets, needs_no_such_module])
def test_a_missing_package_is_named(registered, entry_point):
    registered("Needy-v0", entry_point=entry_point)
    with pytest.raises(UnusableEnvironment, match=r"Needy-v0 needs a package .*: .*(rockets|no_such)"):
        make("Needy-v0")


def test_a_refused_environment_is_closed(registered):
    registered("Unlearnable-v0", entry_point=Unlearnable)
    with pytest.raises(UnusableEnvironment, match="observation space"):
        make("Unlearnable-v0")
    assert Unlearnable.closed


def test_no_native_form():
    with pytest.raises(UnusableEnvironment, match="Pendulum-v1 has no native vector form"):
        make("Pendulum-v1", 4, "native")


def test_arguments_out_of_range():
    with pytest.raises(ValueError, match="num_envs must be at least 1, got 0"):
        make("CartPole-v1", 0)
    with pytest.raises(ValueError, match="vectorization must be one of auto, sync, async, native, got 'threads'"):
        make("CartPole-v1", 1, "threads")


def test_a_module_can_be_named_before_the_id():
    assert make("gymnasium:CartPole-v1").num_envs == 1
