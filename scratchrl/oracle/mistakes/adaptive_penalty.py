"""Other rules for the coefficient of a KL penalty."""

from scratchrl.oracle.mistake import EITHER, mistake

RULES = (
    {"margin": 2.0, "up": 1.5, "down": 2.0},  # RLlib
    {"margin": 2.0, "up": 1.5, "down": 1.5},  # brax and rsl_rl, there for the learning rate
    {"margin": 1.5, "up": 1.5, "down": 1.5},
    {"margin": 2.0, "up": 2.0, "down": 2.0},
)


@mistake("kl-adapt-rule", "adapt_beta", EITHER, "ray-project/ray#15698", "google/brax@03a5090", variants=RULES)
def other_numbers(adapt, beta, kl, target, margin, up, down):
    """β/down if KL < target/margin,  up β if KL > margin target,  else β

    Other thresholds or factors than the paper's 1.5, 2 and 2: another speed, the same fixed point.
    """
    return beta / down if kl < target / margin else beta * up if kl > target * margin else beta


@mistake("kl-adapt-inverted", "adapt_beta", EITHER)
def other_way_round(adapt, beta, kl, target):
    """2β if KL < target/1.5,  β/2 if KL > 1.5 target,  else β

    Less penalty for more KL. Right for a learning rate, which has to shrink when the policy moves too far.
    """
    grown = adapt(beta=beta, kl=kl, target=target)
    return beta * beta / grown
