"""The spec of a collector: what runs a policy in environments and hands over arrays.

Most of what goes wrong between an environment and a loss happens here, and no function of arrays can see it: which
observation a value belongs to, whether the row after an ending is a transition, what became of a time limit.
"""

from scratchrl.oracle import scripted_agent
from scratchrl.oracle.cases import rollout as cases
from scratchrl.oracle.roles import Role, plain
from scratchrl.oracle.scripted import DISABLED, NEXT_STEP, SAME_STEP, Script
from scratchrl.oracle.scripted_rollout import Rollout, collect, settled
from scratchrl.oracle.specification import Spec


def _environments(name: str, mode: str, note: str) -> Role:
    """Environments of one autoreset mode, for collectors that are made for it."""
    return Role(
        name, (f"{name}s",), ("script",),
        lambda case: case["script"]._replace(mode=mode), lambda given: {"script": given[name]}, note,
        make=Script.play,
    )  # fmt: skip


ENV = Role(
    "env", ("envs", "venv", "vec_env", "vecenv", "vector_env", "environment", "environments"), ("script",),
    lambda case: case["script"], lambda given: {"script": given["env"]}, make=Script.play,
)  # fmt: skip
SINGLE_ENV = Role(
    "single_env", ("env", "environment", "gym_env"), ("script",),
    lambda case: Script(DISABLED, case["script"].environments[:1]), lambda given: {"script": given["single_env"]},
    make=Script.play_alone,
)  # fmt: skip
MODES = (
    _environments("same_step_env", SAME_STEP, "environments that reset themselves in the step that ends an episode"),
    _environments("next_step_env", NEXT_STEP, "environments that reset themselves in the step after an ending"),
    _environments("disabled_env", DISABLED, "environments that the collector resets"),
)
FIRST_OBS = Role(
    "first_obs", ("obs", "next_obs", "last_obs", "initial_obs", "start_obs", "observation", "state", "states"), (),
    lambda case: case["script"].play().observe(), lambda given: {},
)  # fmt: skip
POLICY = plain("policy", "pi", "actor", "act", "sample", "get_action", "policy_fn", "sample_action", "act_fn")
AGENT = Role(
    "agent", ("policy", "model", "actor_critic", "ac", "net", "network", "agents"), ("policy", "value"),
    lambda case: [case["policy"], case["value"], scripted_agent.density],
    lambda given: {"policy": given["agent"][0], "value": given["agent"][1]},
    excludes=("value",), make=lambda functions: scripted_agent.Agent(*functions),
)  # fmt: skip
ACTION_ONLY = Role(
    "action_only", ("act", "policy", "actor", "select_action", "get_action", "choose_action", "policy_fn", "act_fn"),
    ("policy",),
    lambda case: case["policy"], lambda given: {"policy": given["action_only"]},
    make=lambda policy: lambda obs: policy(obs)[0],
)  # fmt: skip
VALUE = plain("value", "value_fn", "value_function", "values", "predict", "predict_values", "critic", "vf", "v",
              "get_value", "value_net", "baseline")  # fmt: skip
STEPS = plain("steps", "num_steps", "n_steps", "nsteps", "horizon", "t", "length", "rollout_length", "n_rollout_steps",
              "rollout_steps", "unroll_length", "steps_per_epoch", "batch_size")  # fmt: skip
GAMMA = plain("gamma", "discount", "discount_factor")

KEYS = {
    "observation": "obs", "observations": "obs", "states": "obs", "state": "obs", "ob": "obs",
    "actions": "action", "acs": "action", "act": "action", "acts": "action",
    "log_probs": "log_prob", "logprob": "log_prob", "logprobs": "log_prob", "logp": "log_prob", "logps": "log_prob",
    "old_log_prob": "log_prob", "log_pi": "log_prob", "action_log_probs": "log_prob",
    "rewards": "reward", "rews": "reward", "rew": "reward",
    "values": "value", "vals": "value", "val": "value", "vpred": "value", "value_preds": "value",
    "next_values": "next_value", "values_next": "next_value", "value_next": "next_value",
    "next_observation": "next_obs", "next_observations": "next_obs", "next_states": "next_obs", "obs2": "next_obs",
    "terminateds": "terminated", "terminations": "terminated", "terminals": "terminated", "terminal": "terminated",
    "truncateds": "truncated", "truncations": "truncated", "timeouts": "truncated", "time_limits": "truncated",
    "dones": "done", "episode_starts": "episode_start", "is_first": "episode_start", "firsts": "episode_start",
    "mask": "valid", "valids": "valid", "valid_mask": "valid", "is_valid": "valid",
    "last_values": "last_value", "bootstrap_value": "last_value", "last_val": "last_value",
    "last_dones": "last_done", "next_done": "last_done", "final_done": "last_done",
}  # fmt: skip
ROLLOUT = Spec(
    name="rollout",
    formula="next_value_t = V(true successor of obs_t): at an ending the final observation;  fillers are not valid",
    source="Gymnasium, vector environments; Pardo et al. 2018",
    reference=collect,
    outputs=Rollout._fields,
    tame=cases.TAME,
    stress={},
    edges=cases.EDGES,
    roles=(plain("script"), ENV, SINGLE_ENV, *MODES, FIRST_OBS, POLICY, AGENT, ACTION_ONLY, VALUE, STEPS, GAMMA),
    absent={"value": lambda canonical: scripted_agent.value, "gamma": lambda canonical: 1.0},
    keys=KEYS,
    settle=settled,
)
