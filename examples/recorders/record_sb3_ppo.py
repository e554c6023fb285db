"""Records one gradient step of Stable-Baselines3's PPO for `scratchrl replay`, from outside: SB3 is not changed.

    python record_sb3_ppo.py CartPole-v1 update.npz --gradient-step 40
    scratchrl replay update.npz

`optimizer.step` is replaced by a function that reads the local variables of `PPO.train`, which are the quantities of
the update, and `clip_grad_norm_` by one that keeps the gradient as it was before.
"""

import argparse
import sys

import numpy as np
import torch
from sb3_rollout import Rollout, actions_of, layers, positions
from stable_baselines3 import PPO


class Recorded(Exception):
    """The step has been recorded: nothing more to learn."""


def record(model, gradient_step=0):
    """The dict of arrays of one gradient step, counted from 0 within the first update."""
    optimizer, buffer, rollout = model.policy.optimizer, model.rollout_buffer, Rollout()
    clip, take_step, take_samples = torch.nn.utils.clip_grad_norm_, optimizer.step, buffer._get_samples
    told, count = {}, iter(range(gradient_step + 1))

    def clip_and_keep(parameters, max_norm):
        told.update(layers(model.policy, "gradient", lambda parameter: parameter.grad))
        told["grad_norm"] = clip(parameters, max_norm).numpy()

    def samples_and_keep(index, env=None):
        told["index"] = positions(buffer, index)
        return take_samples(index, env)

    def step_and_keep():
        if next(count) < gradient_step:
            return take_step()
        told.update(minibatch(model, sys._getframe(1).f_locals) | layers(model.policy, "before"))
        told.update(layers(model.policy, "clipped", lambda parameter: parameter.grad) | memories(model.policy, ""))
        take_step()
        told.update(layers(model.policy, "after") | memories(model.policy, "_after"))
        raise Recorded

    torch.nn.utils.clip_grad_norm_, optimizer.step, buffer._get_samples = clip_and_keep, step_and_keep, samples_and_keep
    try:
        model.learn(model.n_steps * model.n_envs, callback=rollout)
        raise ValueError(f"gradient_step: expected fewer than the {next(count)} of one update, got {gradient_step}")
    except Recorded:
        return settings(model, told["t"]) | rollout.told | told
    finally:
        torch.nn.utils.clip_grad_norm_, optimizer.step, buffer._get_samples = clip, take_step, take_samples


def minibatch(model, local):
    """The quantities of a gradient step, from the local variables of PPO.train."""
    data = local["rollout_data"]
    told = {
        "batch_obs": data.observations, "batch_log_prob_old": data.old_log_prob, "batch_value_old": data.old_values,
        "batch_advantage": data.advantages, "batch_target": data.returns, "value_new": local["values"],
    }  # fmt: skip
    told |= {name: local[name] for name in ("log_prob", "entropy", "ratio")}
    told |= {name: local[name] for name in ("policy_loss", "value_loss", "entropy_loss", "loss")}
    told |= {"advantage_normalized": local["advantages"]} if model.normalize_advantage else {}
    told = {name: tensor.detach().numpy().copy() for name, tensor in told.items()}
    told |= {"batch_action": actions_of(model, data.actions.numpy()), "clip": local["clip_range"]}
    return told | ({} if model.clip_range_vf is None else {"value_clip": local["clip_range_vf"]})


def memories(policy, after):
    """Adam's m and v, 0 before its first step, and how many it has made."""
    state = policy.optimizer.state
    told = {} if after else {"t": max((int(one["step"]) for one in state.values()), default=0)}
    for name, key in (("m", "exp_avg"), ("v", "exp_avg_sq")):
        told |= layers(policy, name + after, lambda p, key=key: state[p][key] if p in state else torch.zeros_like(p))
    return told


def settings(model, t):
    """What the update was told to be."""
    group = model.policy.optimizer.param_groups[0]
    (beta1, beta2), names = group["betas"], ("vf_coef", "ent_coef", "max_grad_norm")
    adam = {"optimizer": "adam", "lr": group["lr"], "beta1": beta1, "beta2": beta2, "eps": group["eps"], "t": t}
    return adam | {name: getattr(model, name) for name in names}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("env")
    parser.add_argument("out")
    parser.add_argument("--gradient-step", type=int, default=0)
    arguments = parser.parse_args()
    np.savez(arguments.out, **record(PPO("MlpPolicy", arguments.env, seed=0, device="cpu"), arguments.gradient_step))
