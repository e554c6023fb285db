"""What the two recorders share: a rollout of Stable-Baselines3 as the environment gave it, and its networks by layer.

SB3 folds γV(final observation) into the reward of a step that was cut by a time limit; the format wants the two apart,
so a callback keeps every step before that happens. Names and shapes: scratchrl/oracle/traces/names.py.
"""

import numpy as np
import torch
from stable_baselines3.common.callbacks import BaseCallback


class Rollout(BaseCallback):
    """After every rollout: what happened, in `told`."""

    def _on_rollout_start(self):
        self.steps = []

    def _on_step(self):
        obs, infos = self.locals["new_obs"].copy(), self.locals["infos"]
        cut = np.array([info.get("TimeLimit.truncated", False) for info in infos])
        value = np.zeros(len(infos), np.float32)
        for n in np.flatnonzero(self.locals["dones"]):
            obs[n] = infos[n]["terminal_observation"]
            value[n] = worth(self.model.policy, obs[n])
        self.steps.append((self.locals["rewards"].copy(), self.locals["dones"] & ~cut, cut, obs, value))
        return True

    def _on_rollout_end(self):
        buffer = self.model.rollout_buffer
        reward, terminated, truncated, next_obs, at_end = (np.stack(column) for column in zip(*self.steps, strict=True))
        following = np.concatenate([buffer.values[1:], self.locals["values"].numpy().reshape(1, -1)])
        self.told = {
            "obs": buffer.observations.copy(), "next_obs": next_obs, "action": actions_of(self.model, buffer.actions),
            "reward": reward, "terminated": terminated, "truncated": truncated, "value": buffer.values.copy(),
            "next_value": np.where(terminated | truncated, at_end, following),
            "log_prob_old": buffer.log_probs.copy(), "advantage": buffer.advantages.copy(),
            "target": buffer.returns.copy(), "gamma": self.model.gamma, "lam": self.model.gae_lambda,
        }  # fmt: skip
        self.told |= layers(self.model.policy, "old") | words(self.model.policy)


def worth(policy, obs):
    """V(obs) of one observation, computed as SB3 does at a time limit."""
    with torch.no_grad():
        return policy.predict_values(policy.obs_to_tensor(obs)[0]).item()


def actions_of(model, actions):
    """As sampled: rows of floats for a Gaussian; SB3 keeps integers as columns of floats."""
    return actions.copy() if hasattr(model.policy, "log_std") else actions[..., 0].astype(np.int64)


def words(policy):
    """Distribution and activation by the names of the format."""
    activation = {torch.nn.Tanh: "tanh", torch.nn.ReLU: "relu"}[policy.activation_fn]
    return {"distribution": "gaussian" if hasattr(policy, "log_std") else "categorical", "activation": activation}


def layers(policy, when, of=lambda parameter: parameter):
    """of(parameter) for every parameter, by the names of the format: W is (in, out) there, (out, in) in torch."""
    body, told = policy.mlp_extractor, {}
    nets = {"policy": [*body.policy_net, policy.action_net], "value": [*body.value_net, policy.value_net]}
    for net, modules in nets.items():
        for l, linear in enumerate((module for module in modules if isinstance(module, torch.nn.Linear)), 1):
            told[f"{when}/{net}/W{l}"] = of(linear.weight).detach().numpy().T.copy()
            told[f"{when}/{net}/b{l}"] = of(linear.bias).detach().numpy().copy()
    if hasattr(policy, "log_std"):
        told[f"{when}/policy/log_std"] = of(policy.log_std).detach().numpy().copy()
    return told


def positions(buffer, index):
    """SB3 flattens its buffer environment by environment, the format step by step."""
    return index % buffer.buffer_size * buffer.n_envs + index // buffer.buffer_size
