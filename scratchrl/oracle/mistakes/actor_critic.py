"""Mistakes of losses in which policy and critic meet: gradients where none belong, and weights that are not used."""

from scratchrl.oracle.mistake import BUG, CONVENTION, mistake


@mistake(
    "pg-critic-leak", "actor_critic_loss", BUG,
    "Gymnasium#1494", "keras-team/keras-io#194", "icoxfog417#16", "encode-attend-navigate#2",
    "encode-attend-navigate#3", "Packt-2nd#60", "muupan/async-rl#12",
)  # fmt: skip
def advantage_with_gradient(loss, log_prob, **case):
    """A = R − v differentiated: ∂L/∂v gains log π/B

    The critic is trained to make the policy's loss small. Detach the advantage.
    """
    value, d_log_prob, d_value, d_entropy = loss(log_prob=log_prob, **case)
    return value, d_log_prob, d_value + log_prob / len(log_prob), d_entropy


@mistake("pg-uses-return-not-adv", "actor_critic_loss", BUG, "bentrevett/pytorch-rl#2")
def return_as_weight(loss, log_prob, value, **case):
    """−R log π instead of −(R − v) log π

    The critic is trained and never used: the variance stays that of REINFORCE.
    """
    total, d_log_prob, *rest = loss(log_prob=log_prob, value=value, **case)
    return total - (value * log_prob).mean(), d_log_prob - value / len(value), *rest


@mistake("pg-sign", "actor_critic_loss", BUG)
def policy_part_negated(loss, log_prob, value, target, **case):
    """+A log π, or A = v − R, and the rest as it should be

    Good actions become rarer while the critic learns.
    """
    total, d_log_prob, *rest = loss(log_prob=log_prob, value=value, target=target, **case)
    return total + 2 * ((target - value) * log_prob).mean(), -d_log_prob, *rest


@mistake("entropy-bonus-sign", "actor_critic_loss", BUG, "SB3@799e30ff", "rlax@dd7fb8b")
def entropy_punished(loss, entropy_coefficient, **case):
    """+c_e H in the loss

    Entropy is made small and the policy stops exploring. In a loss the bonus is subtracted.
    """
    return loss(entropy_coefficient=-entropy_coefficient, **case)


@mistake(
    "value-loss-half", "actor_critic_loss", CONVENTION, "ikostrikov@12c3934", "adaptive-intelligent-robotics/QDax#78",
    variants=({"factor": 1.0}, {"factor": 0.25}),
)  # fmt: skip
def another_factor(loss, value_coefficient, factor, **case):
    """factor · c_v (v − R)² instead of ½ c_v (v − R)²

    Another size of the same coefficient.
    """
    return loss(value_coefficient=2 * factor * value_coefficient, **case)


@mistake("vtarget-not-detached", "td_loss", BUG, "Gymnasium#1494", "rlax@66ea2d6")
def residual_gradient(loss, terminated, gamma, **case):
    """y = r + γ (1 − terminated) v′ differentiated: ∂L/∂v′ = −γ (1 − terminated) (v − y)/B

    The target moves towards the prediction as well: the residual gradient, slower and biased. Detach the target.
    """
    value, d_value, _ = loss(terminated=terminated, gamma=gamma, **case)
    return value, d_value, -gamma * (~terminated * d_value)


@mistake("target-no-mask", "td_loss", BUG, "tensorflow/agents#156", "seungeunrho/minimalRL#21", "exalearn/EXARL#257")
def bootstraps_after_the_end(loss, terminated, **case):
    """y = r + γ v′ at every step

    A terminated episode is worth what its successor would be.
    """
    return loss(terminated=terminated & False, **case)
