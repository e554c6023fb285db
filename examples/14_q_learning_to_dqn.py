"""14 · From Q-learning to DQN, on a world whose Q* is known: Spinning Up's "Kinds of RL Algorithms", Q-learning.

    table    Q(s, a) ← Q(s, a) + n(s, a)^{−ω} (r + γ max_a' Q(s', a') − Q(s, a))                                  (1)
    DQN      θ ← θ − step of Adam on  mean (r + γ max_a' Q_θ⁻(s', a') − Q_θ(s, a))²/2,   s from a replay           (2)
    double   the same with Q_θ⁻(s', argmax_a' Q_θ(s', a'))                                                        (3)

In expectation all of them move Q towards T*Q, whose only fixed point is Q*, whoever acts: here the actions are
uniformly random from beginning to end, and what is learnt is the best policy all the same. The target is noisy, since
steps slip, and the largest of several noisy numbers is on average too large: (3) was made against that.

Look for: the table is at home here, one number for each thing to be known (left, against the steps of experience). DQN
with one hidden layer learns faster at first, since a transition is used many times and not once, and levels off where
the noise of its gradient steps holds it. Right: what is left of the error of DQN, for every state and action.
"""

from pathlib import Path

import numpy as np
import tyro
from matplotlib.figure import Figure

from scratchrl.algorithms import dqn
from scratchrl.exact.environment import MDPEnv
from scratchrl.exact.evaluation import evaluate, uniform_policy
from scratchrl.exact.learners import follow, q_learning
from scratchrl.exact.sampling import walk
from scratchrl.exact.solve import policy_iteration
from scratchrl.exact.zoo import gridworld, slippery
from scratchrl.experience.serial import SerialVectorEnv
from scratchrl.experience.world import start
from scratchrl.maths import mlp

WORLD, HORIZON, EVERY = slippery(gridworld(3, 4, gamma=0.9), 0.2), 50, 200
ALIVE = ~WORLD.terminal
COLORS = {"table": "#0072B2", "DQN": "#E69F00", "double DQN": "black"}
WIDTHS = {"table": 1.5, "DQN": 3.5, "double DQN": 1}  # the last lies almost on DQN


def watched(experience, q, errors, best):
    """The experience, handed on; the error of q is noted after every 200 transitions."""
    for count, transition in enumerate(experience, 1):
        yield transition
        if count % EVERY == 0:
            errors.append(np.abs(q - best)[ALIVE].max())


def table(best, steps, rng):
    """Q of (1) and its largest error after every 200 steps."""
    q, errors = np.zeros(best.shape), []
    experience = walk(WORLD, follow(uniform_policy(WORLD), rng), rng, steps, HORIZON)
    return q_learning(watched(experience, q, errors, best), q, WORLD.gamma, omega=0.7), errors


def network(best, steps, seed, double):
    """The same of (2) or (3), by the library's own training loop."""
    config = dqn.Config(
        total_steps=steps, steps=1, minibatch=64, double=double, n_step=1, gamma=WORLD.gamma, lr=3e-3,
        epsilon_last=1.0, target_every=1, tau=0.02, learning_starts=200, hidden=(32,), report_every=EVERY,
    )  # fmt: skip
    world = start(SerialVectorEnv([lambda: MDPEnv(WORLD, "one_hot", HORIZON)]), seed)
    net, errors, eye = dqn.network(world.envs, config), [], np.eye(len(best), dtype=np.float32)
    for state, _ in dqn.train(config, world, np.random.default_rng(seed)):
        q = mlp.forward(net, state.theta, eye)[0].astype(float)
        errors.append(np.abs(q - best)[ALIVE].max())
    return q, errors


def loss(q, value):
    """How much the policy that is greedy for q falls short of V*, at the worst state."""
    return np.abs(evaluate(WORLD, np.eye(4)[q.argmax(axis=1)]) - value).max()


def main(out: Path = Path("pictures/14_q_learning_to_dqn.png"), quick: bool = False, seed: int = 0):
    """Learn from random actions in a slippery grid."""
    solution, steps = policy_iteration(WORLD), 4000 if quick else 30_000
    results = {"table": table(solution.q, steps, np.random.default_rng(seed))}
    results |= {name: network(solution.q, steps, seed, name != "DQN") for name in ("DQN", "double DQN")}
    figure = Figure(figsize=(13, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, (q, errors) in results.items():
        print(f"{name}: largest error of Q {errors[0]:.4f} at first, {errors[-1]:.4f} in the end; "
              f"greedy policy below V* by {loss(q, solution.value):.4f}")  # fmt: skip
        when = EVERY * np.arange(1, len(errors) + 1)
        left.semilogy(when, errors, color=COLORS[name], linewidth=WIDTHS[name], label=name)
    left.set(title="Distance to Q*", xlabel="transitions", ylabel="largest error over states and actions")
    left.legend()
    error = (results["DQN"][0] - solution.q)[ALIVE]
    image = right.imshow(error.T, cmap="RdBu", vmin=-abs(error).max(), vmax=abs(error).max(), aspect="auto")
    figure.colorbar(image, ax=right, label="DQN's Q − Q*")
    right.set(title="Where DQN is still wrong", xlabel="state", yticks=range(4))
    right.set_yticklabels(["up", "right", "down", "left"])
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)
    print(f"picture: {out}")


if __name__ == "__main__":
    tyro.cli(main)
