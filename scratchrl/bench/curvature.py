"""TRPO's arithmetic: the Fisher-vector product, and the whole policy step around it."""

from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchrl.algorithms import trpo
from scratchrl.bench import jax_peer, jax_trust_region, machine, torch_peer
from scratchrl.bench.work import Run, Work
from scratchrl.experience.agent import Agent
from scratchrl.experience.samples import Samples
from scratchrl.maths import policies
from scratchrl.maths.mlp import MLP

OBSERVATION, ACTIONS, ROWS, DAMPING, DELTA, ITERATIONS = 17, 6, 4096, 0.1, 0.01, 10
POLICY = policies.gaussian_policy(OBSERVATION, ACTIONS)


class Data(NamedTuple):
    """A Gaussian policy, 17→64→64→6 tanh, a batch, a direction."""

    agent: Agent
    theta: NDArray
    samples: Samples
    vector: NDArray


@lru_cache(maxsize=1)
def data() -> Data:
    """All of it made up; old and new policy are the same, as they are when TRPO begins."""
    rng = np.random.default_rng(0)
    policy, theta = POLICY, policies.init(POLICY, rng, gain=1.0, dtype=np.float32)
    obs = rng.standard_normal((ROWS, OBSERVATION), dtype=np.float32)
    params = policies.forward(policy, theta, obs)[0]
    action = policy.distribution.sample(rng, params).astype(np.float32)
    advantage, vector = (rng.standard_normal(n, dtype=np.float32) for n in (ROWS, len(theta)))
    log_prob = policy.distribution.log_prob(params, action)
    agent = Agent(policy, MLP((OBSERVATION, 64, 64, 1)))
    return Data(agent, theta, Samples(obs, action, params, log_prob, advantage, advantage, advantage), vector)


def operations() -> float:
    """Of a product's matrix products: J v and Jᵀ u cost two each for every weight and row, the first layer one each."""
    weights = [n * m for n, m in pairwise(POLICY.mlp.sizes)]
    return 4 * ROWS * (2 * sum(weights) - weights[0])


# ---- the product ----


def ours_product() -> Run:
    """The forward pass is cached: F is asked about again and again at one θ."""
    agent, theta, samples, vector = data()
    params, cache = policies.forward(agent.policy, theta, samples.obs)
    return lambda: policies.fisher_vector_product(agent.policy, theta, params, cache, vector, DAMPING)


def contrib() -> Any:
    """sb3-contrib's TRPO with our θ and our batch in its rollout buffer.

    Its KL is the mean over action dimensions where ours is the sum: F, c and δ are each 1/A of ours, the step the same.
    """
    from gymnasium.spaces import Box

    _, theta, samples, _ = data()
    model = torch_peer.agent(
        "TRPO", OBSERVATION, Box(-1, 1, (ACTIONS,)), n_steps=ROWS, n_critic_updates=0, cg_max_steps=ITERATIONS,
        cg_damping=DAMPING / ACTIONS, target_kl=DELTA / ACTIONS, normalize_advantage=False,
        line_search_shrinking_factor=0.5,
    )  # fmt: skip
    torch_peer.load(torch_peer.actor(model.policy), theta)
    buffer = model.rollout_buffer
    buffer.observations[:, 0], buffer.actions[:, 0] = samples.obs, samples.action
    buffer.log_probs[:, 0], buffer.advantages[:, 0] = samples.log_prob, samples.advantage
    buffer.full = True
    return model


def contrib_product() -> Run:
    """sb3-contrib's double backward, the graph of the KL's gradient being there already."""
    import torch
    from stable_baselines3.common.distributions import kl_divergence

    _, theta, samples, vector = data()
    model = contrib()
    obs = torch.from_numpy(samples.obs)
    with torch.no_grad():
        old = model.policy.get_distribution(obs)
        fixed = type(old)(ACTIONS).proba_distribution(old.distribution.mean.clone(), model.policy.log_std.clone())
    now = model.policy.get_distribution(obs)
    kl, zero = kl_divergence(now, fixed).mean(), 0 * now.log_prob(torch.from_numpy(samples.action)).mean()
    parameters, _, d_kl, _ = model._compute_actor_grad(kl, zero)
    theirs, order = _order(model, parameters, len(theta))
    v = torch.from_numpy(vector[theirs])

    def run() -> NDArray:
        return model.hessian_vector_product(parameters, d_kl, v).numpy()[order]

    return run


def _order(model: Any, parameters: list[Any], size: int) -> tuple[NDArray, NDArray]:
    """Indices: where each entry of their flat vector stands in ours, and the inverse."""
    place, start = {}, 0
    for tensor in torch_peer.actor(model.policy):
        index = np.arange(start, start + tensor.numel())
        place[id(tensor)] = index.reshape(tuple(tensor.shape)[::-1]).T.ravel() if tensor.dim() == 2 else index
        start += tensor.numel()
    theirs = np.concatenate([place[id(tensor)] for tensor in parameters])
    return theirs, np.argsort(theirs)


def jax_product() -> Run:
    """jvp, the Fisher matrix of the Gaussian, vjp; compiled, nothing cached."""
    agent, theta, samples, vector = data()
    net = agent.policy.mlp
    compiled = jax_trust_region.product(net, DAMPING)
    tree, direction = (jax_peer.layers(net, flat) for flat in (theta, vector))
    return jax_peer.waiting(compiled, tree, samples.obs, direction)


# ---- the step ----


def ours_step() -> Run:
    """Starts from the same θ each time: a pure function."""
    agent, theta, samples, _ = data()
    config = trpo.Config(cg_iterations=ITERATIONS, cg_tolerance=0.0, damping=DAMPING, delta=DELTA)
    return lambda: trpo.policy_step(agent, theta, samples, config)[0]


def contrib_step() -> Run:
    """sb3-contrib's own train(), without steps for its critic, started from the same θ each time."""
    model = contrib()
    theta, actor = data().theta, torch_peer.actor(model.policy)

    def run() -> NDArray:
        torch_peer.load(actor, theta)
        model.train()
        return torch_peer.flat(actor)

    return run


def jax_step() -> Run:
    """The same, all of it in one compiled function."""
    agent, theta, samples, _ = data()
    net = agent.policy.mlp
    compiled = jax_trust_region.step(net, DAMPING, DELTA, ITERATIONS)
    tree = jax_peer.layers(net, theta)
    return jax_peer.waiting(compiled, tree, samples.obs, samples.action, samples.log_prob, samples.advantage)


def moved(theta: NDArray) -> NDArray:
    """The step itself: what the solvers are to agree on."""
    return theta - data().theta


def product_work(threads: int) -> Work:
    """The row of F v."""
    limit, amount = machine.sgemm(operations())
    makers = {"ours": ours_product, "sb3-contrib": contrib_product, "sgemm": limit}
    targets = {"sb3-contrib": 3.5, "sgemm": 0.7}
    answers = {"sb3-contrib": lambda product: ACTIONS * product}
    if threads == 1:  # JAX is given one thread, once and for all rows
        makers, targets = makers | {"jax": jax_product}, targets | {"jax": 1.6}
        answers["jax"] = jax_peer.flat
    return Work(
        f"Fisher-vector product, 17→64→64→6, B = {ROWS}", "curvature", makers, targets, threads,
        amount={"sgemm": amount}, answers=answers, tolerance=1e-4,
    )  # fmt: skip


def step_work() -> Work:
    """The row of a whole step."""
    makers = {"ours": ours_step, "sb3-contrib": contrib_step, "jax": jax_step}
    answers = {"ours": moved, "sb3-contrib": moved, "jax": lambda tree: moved(jax_peer.flat(tree))}
    name = f"TRPO's policy step, {ITERATIONS} iterations, B = {ROWS}"
    return Work(name, "curvature", makers, {"sb3-contrib": 3.5, "jax": 1.3}, answers=answers, tolerance=0.02)


WORKS = product_work(1), product_work(2), step_work()
