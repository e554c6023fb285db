r"""The format of a recording: every name it may hold, with shape and meaning.

`scratchrl replay --format` prints this page.

A recording is a dict of arrays, or an .npz file of them (np.savez, no pickles), of one update of a learning algorithm.
Everything is optional: a stage of the update is checked when its inputs and its output are there. Store numbers in the
precision they were computed in; the coarsest floating-point dtype among the arrays (settings aside) is taken for the
precision of the whole update.

Letters: T steps, N parallel environments, B samples of the minibatch, O observation, A action dimensions. Arrays of the
rollout are time-major; with one environment (T, …) is as good as (T, 1, …).

  the rollout
    obs, next_obs      (T, N, O)   next_obs is the true successor: at an end the final observation, not the reset one
    action             (T, N) integers, or (T, N, A): as sampled, before any clipping to the action space
    reward             (T, N)      as the environment gave it, nothing folded in
    value, next_value  (T, N)      V(obs), V(next_obs); next_value does not count where terminated
    terminated         (T, N)      flags, or 0 and 1
    truncated          (T, N)      flags, or 0 and 1: cut by a time limit, not over
    log_prob_old       (T, N)      of the action, under the policy that took it
    advantage, target  (T, N)      GAE, and what the value is fitted to
  the minibatch of one gradient step; without batch_… and index it is the whole rollout, flattened
    index              (B,)        row t·N + n of the rollout
    batch_obs (B, O), batch_action (B,) or (B, A)
    batch_log_prob_old, batch_value_old, batch_advantage, batch_target   (B,)
    advantage_normalized (B,)      as it enters the loss; if left out, batch_advantage enters it
    value_new, log_prob, entropy   (B,)   under the weights before the step
    ratio              (B,)        π_new/π_old
    policy_loss, value_loss, entropy_loss, loss   ()   all to be made small; entropy_loss is minus the mean entropy
    grad_norm          ()          before clipping
  networks: WHEN/NET/W1, b1, W2, … (in, out) and (out,), and WHEN/policy/log_std (A,); NET is policy or value; WHEN is
    old                            that collected the rollout (if left out: before)
    before, after                  the gradient step
    gradient, clipped              of loss by the weights (with a delta, of objective); after the clip by global norm
    m, v, m_after, v_after         memories of Adam; RMSprop has v alone, momentum m
    vector, product                of a Fisher-vector product (TRPO), damping included
    direction                      what conjugate gradient found
  settings, ()
    gamma lam clip value_clip vf_coef ent_coef max_grad_norm
    lr beta1 beta2 eps decay momentum t      t: steps the optimizer had made before this one
    delta damping cg_iterations shrink max_backtracks
    distribution  'categorical' or 'gaussian'; activation  'tanh' or 'relu'; optimizer  'adam', 'sgd' or 'rmsprop'
  TRPO, ()
    objective, objective_after     mean of ratio × advantage before the step and at the weights after it
    kl_after                       mean KL(old‖new) at the weights after
    step_size                      β = √(2δ/sᵀFs)
    fraction                       of β s that the line search took, 0 if none
  extra/…                          yours; not looked at
"""

ROLLOUT = {
    "obs": "TNO", "next_obs": "TNO", "action": "TN*", "reward": "TN", "value": "TN", "next_value": "TN",
    "terminated": "TN", "truncated": "TN", "log_prob_old": "TN", "advantage": "TN", "target": "TN",
}  # fmt: skip
BATCH = {
    "index": "B", "batch_obs": "BO", "batch_action": "B*", "batch_log_prob_old": "B", "batch_value_old": "B",
    "batch_advantage": "B", "batch_target": "B", "advantage_normalized": "B", "value_new": "B", "log_prob": "B",
    "entropy": "B", "ratio": "B",
}  # fmt: skip
RESULTS = dict.fromkeys(
    ("policy_loss", "value_loss", "entropy_loss", "loss", "grad_norm",
     "objective", "objective_after", "kl_after", "step_size", "fraction"), ""
)  # fmt: skip
SETTINGS = dict.fromkeys(
    ("gamma", "lam", "clip", "value_clip", "vf_coef", "ent_coef", "max_grad_norm", "lr", "beta1", "beta2", "eps",
     "decay", "momentum", "t", "delta", "damping", "cg_iterations", "shrink", "max_backtracks"), ""
)  # fmt: skip
WORDS = {
    "distribution": ("categorical", "gaussian"),
    "activation": ("tanh", "relu"),
    "optimizer": ("adam", "sgd", "rmsprop"),
}
WHENS = (
    "old", "before", "after", "gradient", "clipped", "m", "v", "m_after", "v_after", "vector", "product", "direction",
)  # fmt: skip
NETS = ("policy", "value")
SHAPES = ROLLOUT | BATCH | RESULTS | SETTINGS
FLAGS = ("terminated", "truncated")
