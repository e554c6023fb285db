"""Mistakes around critics: which network an actor climbs, which of several critics count, the entropy aimed at."""

from scratchrl.oracle.mistake import BUG, CONVENTION, EITHER, mistake

# ---- the actor ----


@mistake("dpg-wrong-Q", "ddpg_policy_loss", EITHER, "cyoon1729/deep-Q-networks#4", "maddpg-pytorch#11")
def climbs_the_target_network(loss, q, q_target):
    """L = −(1/B) Σ Q_target(s, μ(s))

    The actor climbs the copy that trails behind, and learns from yesterday's critic. Use the critic that learns.
    """
    value, d_q_target, d_q = loss(q_target, q)
    return value, d_q, d_q_target


@mistake("dpg-sign", "ddpg_policy_loss", BUG)
def looks_for_the_worst(loss, q, q_target):
    """L = +(1/B) Σ Q(s, μ(s))

    Minimised, it looks for the worst action: put a minus in front.
    """
    return tuple(-output for output in loss(q, q_target))


# ---- several critics ----

FEW = ({"others": 0}, {"others": 1}, {"others": 2})


@mistake("sac-min-unpack", "critic_minimum", BUG, "SB3@67584ed6", "pytorch/rl#3500", variants=FEW)
def unpacked_into_min(minimum, qs, others):
    """min(*qs), of a function that takes two arrays

    Right for two critics. With one, the second argument is missing, or the minimum is over the batch; with three, the
    third is an axis, an output array or too many. Stack them and take the minimum over that axis.
    """
    if len(qs) == 1 and others:
        return _lonely(qs[0], others)
    if len(qs) > 2 and others == 1:
        raise TypeError("min() takes two arrays")
    return minimum(qs[:2])


def _lonely(q, others):
    if others == 2:
        raise TypeError("minimum() takes two arrays")
    return q.min()


@mistake("target-min-all", "critic_minimum", BUG)
def one_number_for_the_batch(minimum, qs):
    """min over the critics and the batch

    Every sample gets the value of the worst. Give the axis.
    """
    return minimum(qs).min()


@mistake("target-q-max", "critic_minimum", BUG)
def the_largest(minimum, qs):
    """max_k Q_k

    The most optimistic critic: overestimation grows with their number.
    """
    return -minimum([-q for q in qs])


@mistake("target-q-mean", "critic_minimum", CONVENTION)
def the_mean(minimum, qs):
    """(1/K) Σ_k Q_k

    Less pessimistic than the minimum.
    """
    return sum(qs) / len(qs)


@mistake("target-single-q", "critic_minimum", BUG, variants=({"which": 0}, {"which": -1}))
def only_one(minimum, qs, which):
    """Q₁ alone, or the last alone

    The other critics are trained and not asked.
    """
    return qs[which] + 0.0


# ---- the entropy aimed at ----


@mistake("sac-target-entropy", "target_entropy", CONVENTION, "pytorch/rl#3292")
def half_of_it(target_entropy, shape, factor):
    """H̄ = −½ c A

    Brax's: more of the entropy is kept.
    """
    return target_entropy(shape, factor) / 2


@mistake("sac-target-entropy-one", "target_entropy", BUG, "pytorch/rl#1494")
def one_dimension(target_entropy, shape, factor):
    """H̄ = −c, whatever A

    The entropy of all dimensions together may not fall below that of one: too random a policy for every other.
    """
    return target_entropy((1,), factor)


@mistake("sac-target-entropy-sign", "target_entropy", BUG)
def more_than_there_is(target_entropy, shape, factor):
    """H̄ = +c A

    A policy squashed into [−1, 1] has at most A log 2 nats: the temperature grows for ever.
    """
    return -target_entropy(shape, factor)


@mistake("sac-target-entropy-axis", "target_entropy", BUG)
def the_first_axis(target_entropy, shape, factor):
    """H̄ = −c shape[0]

    Actions with several axes have more dimensions than their first one: take the product.
    """
    return target_entropy(shape[:1], factor)


# ---- the end of a bootstrap ----


@mistake("sac-nan-terminal", "terminal_bootstrap", BUG, "pytorch/rl#2590")
def nothing_times_nan(bootstrap, reward, next_value, terminated, gamma):
    """y = r + γ (1 − terminated) v′

    Where the networks are asked about an observation that is none, v′ may be nan, and 0 · nan is nan: one such row and
    every parameter is nan. Choose with where, or do not ask.
    """
    return reward + gamma * (~terminated * next_value)


@mistake("target-no-mask", "terminal_bootstrap", BUG, "tensorflow/agents#156", "seungeunrho/minimalRL#21",
         "exalearn/EXARL#257")  # fmt: skip
def goes_on_after_the_end(bootstrap, reward, next_value, terminated, gamma):
    """y = r + γ v′, whether the episode terminated or not

    Terminal states are credited with a future they do not have.
    """
    return reward + gamma * next_value


@mistake("target-reward-masked", "terminal_bootstrap", BUG)
def last_reward_lost(bootstrap, reward, next_value, terminated, gamma):
    """y = 0 where terminated

    The reward of the last step never arrives.
    """
    return bootstrap(reward * ~terminated, next_value, terminated, gamma)
