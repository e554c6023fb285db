"""A collector in PyTorch is handed a policy of tensors, and environments of arrays."""

import numpy as np
import pytest

from scratchrl.oracle import diagnose

torch = pytest.importorskip("torch")


def collect(envs, agent, num_steps):
    """CleanRL's ppo.py, as far as the buffers go."""
    shape = (num_steps, envs.num_envs)
    obs = torch.zeros(shape + envs.single_observation_space.shape)
    actions = torch.zeros(shape + envs.single_action_space.shape)
    logprobs, rewards, dones, values = torch.zeros((4, *shape))
    next_obs, next_done = torch.Tensor(envs.reset(seed=1)[0]), torch.zeros(envs.num_envs)
    for step in range(num_steps):
        obs[step], dones[step] = next_obs, next_done
        with torch.no_grad():
            action, logprob, _, value = agent.get_action_and_value(next_obs)
            values[step] = value.flatten()
        actions[step], logprobs[step] = action, logprob
        next_obs, reward, terminations, truncations, _ = envs.step(action.cpu().numpy())
        next_done = torch.Tensor(np.logical_or(terminations, truncations))
        rewards[step], next_obs = torch.tensor(reward).view(-1), torch.Tensor(next_obs)
    next_value = agent.get_value(next_obs).reshape(1, -1)
    return {"obs": obs, "actions": actions, "logprobs": logprobs, "rewards": rewards, "dones": dones,
            "values": values, "bootstrap_value": next_value, "next_done": next_done}  # fmt: skip


def test_a_loop_of_tensors():
    report = diagnose(collect, "rollout", roles={"envs": "same_step_env"}, max_examples=40)
    assert (report.verdict, report.slugs) == ("convention", ("done-before-step",)), str(report)
    assert report.reading[0].startswith("torch")
    assert "autoreset-next-step" in diagnose(collect, "rollout", max_examples=40).slugs
