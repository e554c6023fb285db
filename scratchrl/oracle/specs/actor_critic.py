"""Specs of losses in which policy and critic meet: which argument may carry a gradient is half of what is checked."""

from scratchrl.maths import objectives, values
from scratchrl.oracle.cases import actor_critic as cases
from scratchrl.oracle.roles import Role, plain
from scratchrl.oracle.specification import Identity, Spec
from scratchrl.oracle.specs import loss_identities as laws
from scratchrl.oracle.specs.loss_roles import BATCHES, LOG_PROB, NEGLOGP
from scratchrl.oracle.specs.losses import ALONE
from scratchrl.oracle.specs.value_losses import TARGET, VALUE


def actor_critic_loss(log_prob, value, target, entropy, value_coefficient, entropy_coefficient):
    """(1/B) Σ [ −A log π + c_v ½ (v − R)² − c_e H ], A = R − v a constant; derivatives by log π, v and H.

    Checked in tests/oracle/specs/test_losses.py.

    >>> import numpy as np
    >>> actor_critic_loss(np.array([-1.0]), np.array([1.0]), np.array([3.0]), np.array([0.5]), 1.0, 2.0)
    (np.float64(3.0), array([-2.]), array([-2.]), array([-2.]))
    """
    policy, d_log_prob = objectives.policy_gradient(log_prob, target - value)
    gain, d_entropy = objectives.entropy_bonus(policy, entropy, entropy_coefficient)
    error, d_value = values.mse(value, target)
    gradients = (-d_log_prob, value_coefficient * d_value, -d_entropy)
    return (value_coefficient * error - gain).mean(), *(gradient / len(log_prob) for gradient in gradients)


def td_loss(value, reward, next_value, terminated, gamma):
    """½ (1/B) Σ (v − r − γ (1 − terminated) v′)², the target a constant; derivatives by v, and by v′: 0.

    Checked in tests/oracle/specs/test_losses.py.

    >>> import numpy as np
    >>> td_loss(np.array([1.0]), np.array([2.0]), np.array([4.0]), np.array([False]), 0.5)
    (np.float64(4.5), array([-3.]), array([0.]))
    """
    error, d_value = values.mse(value, reward + gamma * (~terminated * next_value))
    return error.mean(), d_value / len(value), 0 * next_value


ENTROPY = plain("entropy", "entropies", "ent", "dist_entropy", "entropy_t", "h", "policy_entropy")
VALUE_COEFFICIENT = plain(
    "value_coefficient", "vf_coef", "value_coef", "value_loss_coef", "critic_coef", "v_coef", "vf_coeff", "c1",
    "value_coeff", "vf_loss_coeff", "baseline_cost", "value_weight", "value_loss_weight",
)  # fmt: skip
ENTROPY_COEFFICIENT = plain(
    "entropy_coefficient", "ent_coef", "entropy_coef", "entropy_beta", "entropy_weight", "entropy_cost", "c2", "beta",
    "entropy_coeff", "e_coef", "entropy_loss_weight",
)  # fmt: skip
REWARD = plain("reward", "rewards", "rew", "rews", "r", "r_t")
NEXT_VALUE = plain(
    "next_value", "next_values", "value_next", "v_next", "next_v", "v_tp1", "values_next", "next_state_value", "v_prime"
)  # fmt: skip
TERMINATED = plain("terminated", "terminal", "done", "dones", "d", "terminals", "is_terminal", flags=True)
GOES_ON = Role(
    "goes_on", ("mask", "masks", "not_done", "not_dones", "nonterminal", "non_terminal", "continues"), ("terminated",),
    lambda case: ~case["terminated"], lambda given: {"terminated": ~given["goes_on"]},
    excludes=("terminated",), flags=True,
)  # fmt: skip
GAMMA = plain("gamma", "discount", "discount_factor", "g")


def _nothing(canonical):
    return 0 * canonical["log_prob"]


_tame, _stress, _edges = cases.actor_critics()
ACTOR_CRITIC = Spec(
    name="actor_critic_loss",
    formula="L = (1/B) Σ [ −A log π + c_v ½ (v − R)² − c_e H ],  A = R − v without a gradient",
    source="Mnih et al. 2016, A3C",
    reference=actor_critic_loss,
    outputs=("loss", "d_log_prob", "d_value", "d_entropy"),
    tame=_tame, stress=_stress, edges=_edges,
    roles=(LOG_PROB, NEGLOGP, VALUE, TARGET, ENTROPY, VALUE_COEFFICIENT, ENTROPY_COEFFICIENT),
    layouts=BATCHES,
    absent={
        "entropy": _nothing,
        "value_coefficient": lambda canonical: 1.0,
        "entropy_coefficient": lambda canonical: 0.0,
    },
    differentiate=("log_prob", "value", "entropy"),
    identities=(ALONE,),
)  # fmt: skip

_tame, _stress, _edges = cases.transitions()
TD = Spec(
    name="td_loss",
    formula="L = ½ (1/B) Σ (v − y)²,  y = r + γ (1 − terminated) v′ without a gradient",
    source="Sutton & Barto 2018, section 9.3: a semi-gradient",
    reference=td_loss,
    outputs=("loss", "d_value", "d_next_value"),
    tame=_tame, stress=_stress, edges=_edges,
    roles=(VALUE, REWARD, NEXT_VALUE, TERMINATED, GOES_ON, GAMMA),
    layouts=BATCHES,
    differentiate=("value", "next_value"),
    identities=(ALONE, Identity("a terminated step does not depend on the next value", laws.blind_after_the_end)),
)  # fmt: skip
