"""The reader: what the format allows, and refusals that name the array, what was expected and what came."""

import re

import numpy as np
import pytest

from scratchrl.maths import policies
from scratchrl.oracle.traces import names
from scratchrl.oracle.traces.recording import parts, read

NO = np.zeros(3, bool)


def changed(record, **arrays):
    return record() | {name.replace("__", "/"): value for name, value in arrays.items()}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"rewards": np.zeros(3)}, "recording: 'rewards' is no name of the format; did you mean 'reward'?"),
        ({"x1": np.zeros(3)}, "recording: 'x1' is no name of the format (your own go under extra/)"),
        ({"reward": np.zeros((24, 3))}, "reward: expected N = 2 as in obs, got shape (24, 3)"),
        ({"reward": np.zeros((24, 2, 1))}, "reward: expected shape (T, N), got (24, 2, 1)"),
        ({"ratio": np.zeros((16, 1))}, "ratio: expected shape (B), got (16, 1)"),
        ({"ratio": np.zeros(15)}, "ratio: expected B = 16 as in batch_obs, got shape (15,)"),
        ({"terminated": np.full((24, 2), 0.5)}, "terminated: expected flags, or 0 and 1, got values like 0.5"),
        ({"reward": np.zeros((24, 2), complex)}, "reward: expected float16, 32 or 64, integers or flags, got complex"),
        ({"reward": np.array([None])}, "reward: expected float16, 32 or 64, integers or flags, got object"),
        ({"gamma": np.zeros(2)}, "gamma: expected one number, got shape (2,)"),
        ({"optimizer": "adamw"}, "optimizer: expected one of adam, sgd, rmsprop, got array('adamw'"),
        ({"index": np.zeros(16)}, "index: expected integers, got float64"),
        ({"action": np.zeros((24, 2))}, "action: expected integers, one a row, got float64 of shape (24, 2)"),
        ({"before__policy__W2": np.zeros((9, 16))}, "before/policy/W2: expected shape (16, 16), got (9, 16)"),
        ({"before__policy__w1": np.zeros((9, 16))}, "'before/policy/w1': expected WHEN/NET/W1, /b1, … or /log_std"),
        ({"during__policy__W1": np.zeros((9, 16))}, "'during/policy/W1': expected WHEN/NET/W1"),
        ({"before__policy__W4": np.zeros((9, 16))}, "before/policy/W4: expected only before/policy/W1,"),
        ({"old__value__W2": np.zeros((9, 16))}, "old/value/W2: expected (16, …) after W1, got (9, 16)"),
    ],
)
def test_refusals(record, arrays, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        read(changed(record, **arrays))


def test_a_layer_that_is_missing(record):
    recording = record()
    del recording["after/policy/b2"]
    with pytest.raises(ValueError, match=re.escape("after/policy/b2: expected beside after/policy/W1")):
        read(recording)


def test_an_index_beyond_the_rollout(record):
    recording = {name: array for name, array in record().items() if not name.startswith("batch_")}
    recording["index"] = np.full(16, 48)
    with pytest.raises(ValueError, match=re.escape("index: expected 0 to 47, got 48 to 48")):
        read(recording)


def test_files(tmp_path):
    with pytest.raises(ValueError, match=r"^recording: \S*none.npz: no such file$"):
        read(tmp_path / "none.npz")
    np.savez(tmp_path / "pickled.npz", reward=np.array([{}]))
    with pytest.raises(ValueError, match="pickle"):
        read(tmp_path / "pickled.npz")
    np.savez(tmp_path / "one.npz", reward=np.ones(3), gamma=0.5, **{"extra/note": "mine"})
    found = read(tmp_path / "one.npz")
    assert found["reward"].shape == (3, 1)
    assert found["gamma"] == 0.5
    assert "extra/note" not in found.arrays


def test_one_stream_gets_its_axis_and_flags_may_be_numbers():
    told = {"obs": np.zeros((3, 4)), "reward": np.zeros(3), "terminated": np.array([0, 1, 0]), "action": 1 * NO}
    found = read(told)
    assert found["obs"].shape == (3, 1, 4)
    assert found["terminated"].dtype == bool
    assert found["action"].shape == (3, 1)


def test_precision_is_that_of_the_coarsest_array_and_not_of_a_setting():
    assert read({"reward": np.zeros(3), "gamma": np.float32(0.5)}).bits == 53
    assert read({"reward": np.zeros(3), "value": np.zeros(3, np.float32)}).bits == 24
    assert read({"reward": np.zeros(3), "value": np.zeros(3, np.float16)}).bits == 11


def test_the_minibatch_is_taken_from_the_rollout():
    rollout = {"reward": np.zeros((2, 3)), "advantage": np.arange(6.0).reshape(2, 3)}
    assert read(rollout)["batch_advantage"].tolist() == [0, 1, 2, 3, 4, 5]
    assert read(rollout | {"index": np.array([5, 1])})["batch_advantage"].tolist() == [5, 1]
    assert not read(rollout | {"batch_obs": np.zeros((2, 4))}).has("batch_advantage")
    assert read(rollout)["loss_advantage"].tolist() == [0, 1, 2, 3, 4, 5]


def test_theta_is_laid_out_as_in_policies(record):
    recording = record("gaussian")
    found = read(recording)
    assert [name for name, _ in parts(found.policy)] == ["W1", "b1", "W2", "b2", "W3", "b3", "log_std"]
    assert found.policy.free == 2
    assert found.value.free == 0
    rows, _ = policies.forward(found.policy, found["before/policy"], found["batch_obs"].astype(float))
    log_prob = found.policy.distribution.log_prob(rows, found["batch_action"].astype(float))
    np.testing.assert_allclose(log_prob, recording["log_prob"], atol=1e-5)


def test_the_old_weights_are_those_before_the_step_unless_they_are_recorded(record):
    recording = {name: array for name, array in record().items() if not name.startswith("old/")}
    found = read(recording)
    assert found["old/policy"] is found["before/policy"]


def test_every_name_of_the_format_is_in_its_page():
    words = set(re.findall(r"\w+", names.__doc__))
    assert words >= {*names.SHAPES, *names.WORDS, *names.WHENS, *names.NETS} - {"batch_action", "batch_target"}
