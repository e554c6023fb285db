"""No algorithm accepts a number that would make it climb, stand still or fail later."""

import importlib

import pytest

ALGORITHMS = ["reinforce", "vpg", "a2c", "a3c", "trpo", "ppo", "dqn", "c51", "ddpg", "sac", "alphazero"]
BAD = {
    "total_steps": [0, -5], "num_envs": [0], "steps": [0], "horizon": [0], "epochs": [0], "minibatch": [0, -3],
    "lr": [0, -1], "policy_lr": [-1], "value_lr": [-1], "value_minibatch": [0], "max_grad_norm": [-1, 0],
    "clip": [-1, 0], "value_clip": [0], "target_kl": [-1, 0], "kl_goal": [0], "delta": [-1], "cg_iterations": [0],
    "gamma": [-0.1, 2, float("nan")], "lam": [5], "beta": [-1], "entropy_coefficient": [-1], "damping": [-5],
    "updates": [0], "learning_starts": [-1], "capacity": [0], "n_step": [0], "huber_delta": [0, -1], "tau": [-1, 1.5],
    "target_every": [0], "epsilon_first": [2], "epsilon_last": [-0.1], "epsilon_steps": [0], "report_every": [0],
    "games": [0], "simulations": [0], "exploration": [0], "noise_alpha": [0], "noise_share": [2], "sampled_moves": [-1],
    "weight_decay": [-1],
    "backtracks": [-1], "cg_tolerance": [-1], "workers": [0], "decay": [2], "epsilon": [-1], "value_epochs": [-1],
    "policy_delay": [0], "noise_std": [-1], "noise_theta": [-1], "noise_dt": [0, 20.0], "smoothing": [-1],
    "smoothing_clip": [-1], "alpha": [0, -1], "alpha_lr": [0], "log_std_high": [-6.0, float("nan")],
}  # fmt: skip


def config_of(name):
    return importlib.import_module(f"scratchrl.algorithms.{name}").Config


CASES = [
    (name, field, value)
    for name in ALGORITHMS
    for field, values in BAD.items()
    for value in values
    if field in config_of(name).__dataclass_fields__
]


@pytest.mark.parametrize(("name", "field", "value"), CASES)
def test_a_harmful_number_is_refused_by_name(name, field, value):
    with pytest.raises(ValueError, match=f"^{field}: expected a number .*, got {value}"):
        config_of(name)(**{field: value})


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_number_of_a_config_has_limits(name):
    numbers = {f.name for f in config_of(name).__dataclass_fields__.values() if f.type in (int, float)}
    numbers -= {"atoms", "v_min", "v_max", "log_std_low"}  # limits of their own
    assert numbers <= BAD.keys()


def test_switched_off_is_allowed():
    config_of("ppo")(target_kl=None, value_clip=None)


@pytest.mark.parametrize(("change", "named"), [({"atoms": 1}, "atoms"), ({"v_min": 100.0}, "v_min")])
def test_a_grid_that_is_none_is_refused(change, named):
    with pytest.raises(ValueError, match=f"^{named}: expected"):
        config_of("c51")(**change)
