"""Collectors, row by row: one loop written by hand, with one thing stored wrongly at a time."""

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from scratchrl.oracle import diagnose


def told(subject, **options):
    return diagnose(subject, "rollout", max_examples=40, **options)


def by_hand(env, policy, value, steps, change):
    """A plain loop for environments that reset in the same step; `change` sees a row as it is stored."""
    obs, rows = env.reset()[0], []
    for _ in range(steps):
        action, log_prob = policy(obs)
        after, reward, terminated, truncated, infos = env.step(action)
        final = np.array([a if f is None else f for a, f in zip(after, infos.get("final_obs", after), strict=True)])
        row = {"obs": obs, "action": action, "log_prob": log_prob, "reward": reward, "value": value(obs),
               "next_value": value(final), "terminated": terminated, "truncated": truncated}  # fmt: skip
        rows.append(row | change(row, after, final, policy, value))
        obs = after
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]} | {"last_values": value(obs)}


def clipped(row, after, final, policy, value):
    return {"log_prob": policy.log_prob(row["obs"], row["action"].clip(-1, 1))}


HAND = {
    "right": (lambda *_: {}, ()),
    "float32": (lambda row, *_: {"reward": row["reward"].astype(np.float32)}, ()),
    "pre-masked next values": (
        lambda row, after, final, policy, value: {"next_value": (1 - row["terminated"]) * value(final)},
        ("next-value-masked",),
    ),
    "final observations at time limits only": (
        lambda row, after, final, policy, value: {
            "next_value": np.where(row["truncated"] & ~row["terminated"], value(final), value(after))
        },
        ("next-value-unused",),
    ),
    "next value of the reset observation": (
        lambda row, after, final, policy, value: {"next_value": value(after)}, ("gae-trunc-boot-reset-obs",)
    ),
    "stale value at time limits": (
        lambda row, *_: {"next_value": np.where(row["truncated"], row["value"], row["next_value"])},
        ("gae-trunc-boot-current",),
    ),
    "clipped density": (clipped, ("logp-of-clipped-action",)),
    "clipped action": (lambda row, *_: {"action": row["action"].clip(-1, 1)}, ("clipped-action-stored",)),
    "done as terminated": (
        lambda row, *_: {"terminated": row["terminated"] | row["truncated"]}, ("gae-trunc-as-terminal",)
    ),
    "time limit first": (
        lambda row, *_: {"terminated": row["terminated"] & ~row["truncated"]}, ("timeout-before-done",)
    ),
    "overwritten observation": (lambda row, after, *_: {"obs": after}, ("obs-index-shift",)),
    "one flag for all": (lambda row, *_: {"terminated": np.full_like(row["terminated"], row["terminated"].any()),
                                          "truncated": np.full_like(row["truncated"], row["truncated"].any())},
                         ("dones-across-envs",)),
}  # fmt: skip


@pytest.mark.parametrize("name", HAND)
def test_hand_written_loops(name):
    change, slugs = HAND[name]

    def subject(env, policy, value, steps):
        return by_hand(env, policy, value, steps, change)

    report = told(subject, roles={"env": "same_step_env"})
    assert report.slugs[:1] == slugs, str(report)
    is_wrong = any(entry.kind == "bug" for entry in report.entries)
    assert report.verdict == ("wrong" if is_wrong else "convention"), str(report)


def test_stale_last_values():
    def subject(env, policy, value, steps):
        found = by_hand(env, policy, value, steps, lambda *_: {})
        return found | {"last_values": found["value"][-1]}

    assert told(subject, roles={"env": "same_step_env"}).slugs == ("gae-last-value-stale",)


# ---- what is said ----


def test_only_the_outputs_that_differ_are_shown():
    def subject(env, policy, value, steps):
        return by_hand(env, policy, value, steps, lambda row, *_: {"reward": row["reward"] + 1})

    report = told(subject, roles={"env": "same_step_env"})
    assert (report.verdict, report.slugs) == ("wrong", ())
    assert set(report.expected) == set(report.got) == {"reward"}
    assert "yours reward" in str(report)
    assert '"reward"' in report.to_json()


@pytest.mark.parametrize("answer", [lambda *_: np.zeros(3), lambda *_: (np.zeros(3), 1), lambda *_: {"xs": [1.0]}])
def test_outputs_without_names_are_refused(answer):
    def subject(env, policy, steps):
        return answer()

    assert told(subject).complaint.startswith("returns: no dict or named tuple with any of obs, action, log_prob")


def test_a_wrong_shape_names_its_output():
    def subject(env, policy, steps):
        return {"reward": np.zeros((steps, env.num_envs + 1))}

    report = told(subject)
    assert report.complaint.startswith("shape")
    assert set(report.got) == {"reward"}


def test_a_loop_that_expects_gymnasiums_own_spaces_and_modes_finds_them():
    def subject(env, policy, steps):
        assert isinstance(env.single_action_space, gymnasium.spaces.Box)
        assert isinstance(env.metadata["autoreset_mode"], AutoresetMode)
        return {"obs": env.reset()[0][None], "reward": env.step(np.zeros((env.num_envs, 1)))[1][None]}

    report = told(subject)
    assert not report.complaint.startswith("raises"), str(report)
