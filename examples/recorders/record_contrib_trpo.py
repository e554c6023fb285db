"""Records one TRPO update of sb3-contrib for `scratchrl replay`, from outside: sb3-contrib is not changed.

    python record_contrib_trpo.py Pendulum-v1 update.npz
    scratchrl replay update.npz

`optimizer.step`, which first moves the critic when the line search is over, is replaced by a function that reads the
local variables of `TRPO.train`; `hessian_vector_product` by one that keeps the last product, that of the direction.
"""

import argparse
import sys
from itertools import pairwise

import numpy as np
import torch
from sb3_contrib import TRPO
from sb3_rollout import Rollout, actions_of, layers, positions


class Recorded(Exception):
    """The policy has been updated: nothing more to learn."""


def record(model):
    """The dict of arrays of the first update's policy step."""
    optimizer, buffer, rollout, told = model.policy.optimizer, model.rollout_buffer, Rollout(), {}
    take_step, take_samples, take_product = optimizer.step, buffer._get_samples, model.hessian_vector_product
    kept = {}

    def product_and_keep(parameters, grad_kl, vector, retain_graph=True):
        kept["vector"], kept["product"] = vector.clone(), take_product(parameters, grad_kl, vector, retain_graph)
        return kept["product"]

    def samples_and_keep(index, env=None):
        data = take_samples(index, env)
        kept.setdefault("batch", (positions(buffer, index), data))  # the first is the policy's, the others the critic's
        return data

    def step_and_read():
        told.update(update(model, sys._getframe(1).f_locals, *kept["batch"]))
        for when in ("vector", "product"):
            told.update(by_layer(model.policy, kept[when], when))
        raise Recorded

    optimizer.step, buffer._get_samples = step_and_read, samples_and_keep
    model.hessian_vector_product = product_and_keep
    try:
        model.learn(model.n_steps * model.n_envs, callback=rollout)
    except Recorded:
        before = {name.replace("old/", "before/"): x for name, x in rollout.told.items() if name.startswith("old/")}
        return rollout.told | before | told
    finally:
        optimizer.step, buffer._get_samples, model.hessian_vector_product = take_step, take_samples, take_product


def update(model, local, index, data):
    """The quantities of the policy's step, from the local variables of TRPO.train."""
    actions = actions_of(model, data.actions.numpy())
    old = local["old_distribution"]
    told = {
        "log_prob": old.log_prob(torch.from_numpy(actions)), "entropy": old.entropy(), "batch_obs": data.observations,
        "batch_log_prob_old": data.old_log_prob, "batch_advantage": data.advantages, "kl_after": local["kl_div"],
        "objective": local["policy_objective"], "objective_after": local["new_policy_objective"],
    }  # fmt: skip
    told |= {"advantage_normalized": local["advantages"]} if model.normalize_advantage else {}
    told = {name: tensor.detach().numpy().copy() for name, tensor in told.items()}
    told |= {"index": index, "batch_action": actions} | settings(model)
    told["step_size"] = np.float32(local["line_search_max_step_size"])
    told["fraction"] = np.float32(local["is_line_search_success"] and local["line_search_backtrack_coeff"])
    told |= by_layer(model.policy, local["policy_objective_gradients"], "gradient")
    told |= by_layer(model.policy, local["search_direction"], "direction")
    return told | {name: x for name, x in layers(model.policy, "after").items() if "/policy/" in name}


def settings(model):
    """What the update was told to be."""
    return {
        "delta": model.target_kl, "damping": model.cg_damping, "cg_iterations": model.cg_max_steps,
        "shrink": model.line_search_shrinking_factor, "max_backtracks": model.line_search_max_iter - 1,
    }  # fmt: skip


def by_layer(policy, vector, when):
    """A flat vector over the actor's parameters, in the order in which TRPO walks them."""
    names, parameters = zip(*((n, p) for n, p in policy.named_parameters() if "value" not in n), strict=True)
    ends = np.cumsum([0, *(parameter.numel() for parameter in parameters)])
    assert ends[-1] == len(vector), names
    parts = {p: vector[a:b].view(p.shape) for p, (a, b) in zip(parameters, pairwise(ends), strict=True)}
    told = layers(policy, when, lambda parameter: parts.get(parameter, parameter))
    return {name: x for name, x in told.items() if "/policy/" in name}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("env")
    parser.add_argument("out")
    arguments = parser.parse_args()
    np.savez(arguments.out, **record(TRPO("MlpPolicy", arguments.env, seed=0, device="cpu")))
