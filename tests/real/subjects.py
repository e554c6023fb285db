"""Functions of published libraries, called as they stand. Nothing is computed here: arguments are only handed over.

Every subject names its arguments as the specs do, or as the library does where the oracle reads that.
"""

import warnings

import gymnasium
import numpy as np
import torch

warnings.filterwarnings("ignore")


# ---- stable-baselines3 ----


def sb3_gae(rewards, values, episode_starts, last_values, last_dones, gamma, gae_lambda):
    from stable_baselines3.common.buffers import RolloutBuffer

    steps, envs = rewards.shape
    box = gymnasium.spaces.Box(-1, 1, (1,))
    buffer = RolloutBuffer(steps, box, box, device="cpu", gae_lambda=gae_lambda, gamma=gamma, n_envs=envs)
    buffer.rewards, buffer.values = rewards.astype(np.float32), values.astype(np.float32)
    buffer.episode_starts = episode_starts.astype(np.float32)
    buffer.compute_returns_and_advantage(torch.as_tensor(last_values), last_dones)
    return buffer.advantages, buffer.returns


def sb3_gaussian_log_prob(mean, log_std, action):
    from stable_baselines3.common.distributions import DiagGaussianDistribution

    return DiagGaussianDistribution(mean.shape[-1]).proba_distribution(mean, log_std).log_prob(torch.as_tensor(action))


def sb3_gaussian_entropy(mean, log_std):
    from stable_baselines3.common.distributions import DiagGaussianDistribution

    return torch.as_tensor(DiagGaussianDistribution(mean.shape[-1]).proba_distribution(mean, log_std).entropy())


def sb3_squashed_log_prob(mean, log_std, pre_tanh):
    from stable_baselines3.common.distributions import SquashedDiagGaussianDistribution

    distribution = SquashedDiagGaussianDistribution(mean.shape[-1]).proba_distribution(mean, log_std)
    return distribution.log_prob(torch.tanh(pre_tanh), pre_tanh)


def sb3_squashed_log_prob_of_action(mean, log_std, action):
    from stable_baselines3.common.distributions import SquashedDiagGaussianDistribution

    distribution = SquashedDiagGaussianDistribution(mean.shape[-1]).proba_distribution(mean, log_std)
    return distribution.log_prob(torch.as_tensor(action))


def sb3_categorical_log_prob(logits, action):
    from stable_baselines3.common.distributions import CategoricalDistribution

    return CategoricalDistribution(logits.shape[-1]).proba_distribution(logits).log_prob(torch.as_tensor(action))


def sb3_categorical_entropy(logits):
    from stable_baselines3.common.distributions import CategoricalDistribution

    return torch.as_tensor(CategoricalDistribution(logits.shape[-1]).proba_distribution(logits).entropy())


def sb3_gaussian_kl(mean_p, log_std_p, mean_q, log_std_q):
    from stable_baselines3.common.distributions import DiagGaussianDistribution, kl_divergence

    p, q = (DiagGaussianDistribution(mean_p.shape[-1]) for _ in range(2))
    p.proba_distribution(mean_p, log_std_p), q.proba_distribution(torch.as_tensor(mean_q), log_std_q)
    return kl_divergence(p, q).sum(dim=-1)


def sb3_categorical_kl(logits_p, logits_q):
    from stable_baselines3.common.distributions import CategoricalDistribution, kl_divergence

    p, q = (CategoricalDistribution(logits_p.shape[-1]) for _ in range(2))
    p.proba_distribution(logits_p), q.proba_distribution(torch.as_tensor(logits_q))
    return kl_divergence(p, q)


def sb3_polyak(online, target, tau):
    from stable_baselines3.common.utils import polyak_update

    new = torch.as_tensor(target).clone()
    polyak_update([torch.as_tensor(online)], [new], tau)
    return new


def sb3_running_moments(batches):
    from stable_baselines3.common.running_mean_std import RunningMeanStd

    moments = RunningMeanStd(shape=batches[0].shape[1:])
    for batch in batches:
        moments.update(batch)
    return moments.mean, moments.var


# ---- sb3-contrib ----


def contrib_conjugate_gradient(matvec, b):
    from sb3_contrib.common.utils import conjugate_gradient_solver

    torch.manual_seed(0)
    return conjugate_gradient_solver(matvec, torch.as_tensor(b))


# ---- tianshou ----


def tianshou_gae(v_s, v_s_, rew, end_flag, gamma, gae_lambda):
    """v_s_ as its documentation has it: the values of the next states."""
    from tianshou.algorithm.algorithm_base import _gae

    return _gae(v_s, v_s_, rew, end_flag, gamma, gae_lambda)


def tianshou_gae_masked(value, next_value_masked, reward, dones, gamma, lam):
    """v_s_ as its caller has it: multiplied by the mask of terminations before."""
    from tianshou.algorithm.algorithm_base import _gae

    return _gae(value, next_value_masked, reward, dones, gamma, lam)


def tianshou_running_moments(batches):
    from tianshou.utils import RunningMeanStd

    moments = RunningMeanStd()
    for batch in batches:
        moments.update(batch)
    return moments.mean, moments.var


# ---- torchrl: batch-major with a last axis of one ----


def _columns(*arrays):
    return [torch.as_tensor(array).T[..., None] for array in arrays]


def _rows(array):
    return array[..., 0].T


def _torchrl(name):
    import torchrl.objectives.value.functional as functional

    return getattr(functional, name)


def torchrl_gae(reward, value, next_value, terminated, truncated, gamma, lam):
    values = _columns(value, next_value, reward, terminated | truncated, terminated)
    advantage, target = _torchrl("generalized_advantage_estimate")(gamma, lam, *values)
    return _rows(advantage), _rows(target)


def torchrl_vectorized_gae(reward, value, next_value, terminated, truncated, gamma, lam):
    values = _columns(value, next_value, reward, terminated | truncated, terminated)
    advantage, target = _torchrl("vec_generalized_advantage_estimate")(gamma, lam, *values)
    return _rows(advantage), _rows(target)


def torchrl_lambda_return(reward, next_value, terminated, truncated, gamma, lam):
    values = _columns(next_value, reward, terminated | truncated, terminated)
    return _rows(_torchrl("td_lambda_return_estimate")(gamma, lam, *values))


def torchrl_vectorized_lambda_return(reward, next_value, terminated, truncated, gamma, lam):
    values = _columns(next_value, reward, terminated | truncated, terminated)
    return _rows(_torchrl("vec_td_lambda_return_estimate")(gamma, lam, *values))


def torchrl_reward_to_go(reward, terminated, truncated, gamma):
    return _rows(_torchrl("reward2go")(*_columns(reward, terminated | truncated), gamma))


def torchrl_vtrace(log_rho, reward, value, next_value, terminated, truncated, gamma):
    log_pi, *values = _columns(log_rho, value, next_value, reward, terminated | truncated, terminated)
    advantage, vs = _torchrl("vtrace_advantage_estimate")(gamma, log_pi, torch.zeros_like(log_pi), *values)
    return _rows(vs), _rows(advantage)


def torchrl_squashed_log_prob(mean, log_std, pre_tanh):
    from torchrl.modules.distributions import TanhNormal

    distribution = TanhNormal(mean, torch.exp(log_std), event_dims=1, safe_tanh=False)
    return distribution.log_prob(torch.tanh(pre_tanh))


# ---- torch ----


def torch_gaussian_log_prob(mean, log_std, action):
    return torch.distributions.Normal(mean, torch.exp(log_std)).log_prob(action).sum(-1)


def torch_gaussian_kl(mean_p, log_std_p, mean_q, log_std_q):
    p = torch.distributions.Normal(mean_p, torch.exp(log_std_p))
    q = torch.distributions.Normal(mean_q, torch.exp(log_std_q))
    return torch.distributions.kl_divergence(p, q).sum(-1)


def torch_categorical_kl(logits_p, logits_q):
    p, q = (torch.distributions.Categorical(logits=logits) for logits in (logits_p, logits_q))
    return torch.distributions.kl_divergence(p, q)


def torch_huber(error, delta):
    return torch.nn.functional.huber_loss(error, torch.zeros_like(error), reduction="none", delta=delta)


def torch_adam(gradient, m, v, t, lr, beta1, beta2, eps):
    theta = torch.zeros_like(gradient, requires_grad=True)
    adam = torch.optim.Adam([theta], lr=lr, betas=(beta1, beta2), eps=eps)
    theta.grad = gradient.clone()
    adam.state[theta] = {"step": torch.tensor(float(t)), "exp_avg": m.clone(), "exp_avg_sq": v.clone()}
    adam.step()
    state = adam.state[theta]
    return theta.detach(), state["exp_avg"], state["exp_avg_sq"]


# ---- rlax ----


def rlax_c51_projection(probs, reward, terminated, truncated, gamma, v_min, v_max):
    import jax
    import jax.numpy as jnp
    import rlax

    z = jnp.linspace(v_min, v_max, probs.shape[-1])
    moved = reward[:, None] + gamma * (1.0 - terminated)[:, None] * z
    return jax.vmap(rlax.categorical_l2_project, in_axes=(0, 0, None))(moved, probs, z)


def rlax_gaussian_log_prob(mean, log_std, action):
    import jax.numpy as jnp
    import rlax

    return rlax.gaussian_diagonal().logprob(action, mean, jnp.exp(log_std))


def rlax_gaussian_kl(mean_p, log_std_p, mean_q, log_std_q):
    import jax.numpy as jnp
    import rlax

    return rlax.gaussian_diagonal().kl(mean_p, jnp.exp(log_std_p), mean_q, jnp.exp(log_std_q))
