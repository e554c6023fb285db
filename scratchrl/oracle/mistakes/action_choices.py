"""Mistakes of targets of action values: who chooses, who judges, and what a surprise is worth."""

import numpy as np

from scratchrl.oracle.mistake import BUG, CONVENTION, mistake
from scratchrl.oracle.mistakes.targets import TWO_CRITICS


@mistake("dqn-max-all", "dqn_target", BUG, "google/dopamine@7315342")
def largest_of_all(target, next_q, **case):
    """max over the batch and the actions

    Every sample gets the best value anybody has. Take the maximum along the action axis.
    """
    return target(next_q=next_q.max() + 0 * next_q, **case)


@mistake("dqn-max-batch", "dqn_target", BUG)
def largest_of_the_batch(target, next_q, **case):
    """y_b = r_b + γ m_b max_b′ Q(s′_b′, a_1)

    The maximum along the batch axis, of which the first action's is used for every sample: the axes are mixed up.
    """
    return target(next_q=next_q.max(axis=0)[:1] + 0 * next_q, **case)


@mistake("dqn-mean", "dqn_target", BUG)
def mean_of_all(target, next_q, **case):
    """y = r + γ m (1/A) Σ_a Q(s′, a)

    The value of acting at random instead of the best value.
    """
    return target(next_q=next_q.sum(axis=-1, keepdims=True) / next_q.shape[-1] + 0 * next_q, **case)


@mistake(
    "ddqn-is-dqn", "double_dqn_target", BUG,
    "RLHive#212", "Papers-in-100-Lines#21", "keon/deep-q-learning#35", "chainerrl#567", "pytorch/rl#1737",
    "RL-Adventure#5",
)  # fmt: skip
def target_chooses_and_judges(target, next_q_online, next_q_target, **case):
    """y = r + γ m max_a Q_target(s′, a)

    The target network chooses and judges: plain DQN, overestimation and all. The argmax belongs to the online network.
    """
    return target(next_q_online=next_q_target, next_q_target=next_q_target, **case)


@mistake("dqn-online-target", "double_dqn_target", BUG, "facebookresearch/ReAgent#88")
def online_chooses_and_judges(target, next_q_online, next_q_target, **case):
    """y = r + γ m max_a Q_online(s′, a)

    The target network is not used at all: the target moves with every step of the network that chases it.
    """
    return target(next_q_online=next_q_online, next_q_target=next_q_online, **case)


@mistake("ddqn-nets-swapped", "double_dqn_target", BUG)
def target_chooses_online_judges(target, next_q_online, next_q_target, **case):
    """y = r + γ m Q_online(s′, argmax_a Q_target(s′, a))

    The networks have changed places: the value comes from the one that moves.
    """
    return target(next_q_online=next_q_target, next_q_target=next_q_online, **case)


@mistake("ddqn-argmax-at-s", "double_dqn_target", BUG, "2048_env#1", "ray#5731")
def chosen_one_step_early(target, next_q_online, **case):
    """y_b = r_b + γ m_b Q_target(s′_b, argmax_a Q_online(s′_{b−1}, a))

    The action that is best where the step began, not where it led: one step early in consecutive rows.
    """
    earlier = np.concatenate([next_q_online[:1], next_q_online[:-1]])
    return target(next_q_online=earlier, **case)


@mistake("dqn-gather", "double_dqn_target", BUG, "dopamine@9793d17")
def rows_instead_of_entries(target, next_q_online, next_q_target, **case):
    """Q_target[a*], whole rows, with the actions as row numbers

    Indexing by actions alone picks other samples' rows: the result has the shape (B, A), or an index is out of range.
    Pair them with row numbers, Q[arange(B), a*].
    """
    rows = next_q_target[next_q_online.argmax(axis=-1)]
    columns = [target(next_q_online=q[:, None], next_q_target=q[:, None], **case) for q in rows.T]
    return np.stack(columns, axis=-1)


# ---- two critics ----


@mistake("target-q-max", TWO_CRITICS, BUG)
def the_optimist_counts(target, next_q1, next_q2, **case):
    """max(Q₁, Q₂) instead of min

    Overestimation is fed instead of fought.
    """
    larger = np.maximum(next_q1, next_q2)
    return target(next_q1=larger, next_q2=larger, **case)


@mistake("target-q-mean", TWO_CRITICS, CONVENTION)
def both_count(target, next_q1, next_q2, **case):
    """½ (Q₁ + Q₂) instead of min

    Less pessimistic; some ensembles do it on purpose.
    """
    mean = (next_q1 + next_q2) / 2
    return target(next_q1=mean, next_q2=mean, **case)


@mistake("target-single-q", TWO_CRITICS, BUG, variants=({"critic": 1}, {"critic": 2}))
def one_critic(target, next_q1, next_q2, critic, **case):
    """Q₁ alone, or Q₂ alone

    The other critic is computed and not used.
    """
    only = next_q1 if critic == 1 else next_q2
    return target(next_q1=only, next_q2=only, **case)


# ---- the entropy of SAC ----


@mistake("sac-entropy-outside-mask", "sac_target", BUG, "SB3#77")
def surprise_of_the_dead(target, next_log_prob, alpha, **case):
    """y = r + γ m min(Q₁, Q₂) − α log π′

    The entropy bonus of the next action is neither discounted nor masked: terminal states go on collecting it.
    """
    return target(next_log_prob=next_log_prob, alpha=0.0, **case) - alpha * next_log_prob


@mistake("sac-entropy-sign", "sac_target", BUG)
def surprise_punished(target, alpha, **case):
    """min(Q₁, Q₂) + α log π′

    Entropy is punished instead of rewarded.
    """
    return target(alpha=-alpha, **case)


@mistake("sac-entropy-missing", "sac_target", BUG)
def no_surprise(target, alpha, **case):
    """y = r + γ m min(Q₁, Q₂)

    The target of TD3: the critic then values a policy without the entropy that the actor is paid for.
    """
    return target(alpha=0 * alpha, **case)
