"""Specs of log-densities and entropies: Gaussian, squashed Gaussian, categorical."""

import numpy as np

from scratchrl.maths import categorical, gaussian, squashed_gaussian
from scratchrl.maths.constants import log_two_pi
from scratchrl.oracle.cases import densities as cases
from scratchrl.oracle.cases.tables import between, number
from scratchrl.oracle.roles import Role, plain
from scratchrl.oracle.specification import AS_DOCUMENTED, Layout, Spec
from scratchrl.oracle.specs import density_identities as laws
from scratchrl.oracle.specs.distributions import MEAN_WORDS, logit_roles, nearest_float32, scale_roles


def _shared(case):
    return case | {name: value[0] for name, value in case.items() if name.startswith("log_std")}


SHARED_STD = AS_DOCUMENTED._replace(name="(B, A), the scale (A,)", fit=_shared)
ONE_SAMPLE = Layout(
    "(A,)",
    lambda case: {name: value[:1] for name, value in case.items()},
    lambda array: array[0] if array.ndim else array,
    lambda output: output[None],
    "one sample at a time, arrays (A,): a batch (B, A) gives something else",
)
GAUSSIAN_LAYOUTS = (AS_DOCUMENTED, SHARED_STD, ONE_SAMPLE)
ROW_LAYOUTS = (AS_DOCUMENTED, ONE_SAMPLE)

MEAN = plain("mean", *MEAN_WORDS)
ACTION = plain("action", "actions", "a", "act", "acts", "x", "ac", "acs", "value", "sample", "a_t", "action_t", "u")
PRE_TANH = plain(
    "pre_tanh", "u", "pre_tanh_action", "pre_tanh_actions", "pre_tanh_value", "pretanh", "raw_action", "raw_actions",
    "gaussian_action", "gaussian_actions", "pre_squash", "unsquashed", "x", "x_t", "raw", "z", "pi_action",
)  # fmt: skip
ACTION_WORDS = ("a", "act", "actions", "squashed_action", "tanh_action", "y", "y_t", "x", "sample", "value")
BELOW_ONE = 1 - 2.0**-23  # a float32 beyond which published inverses cut: |u| = 8.32


def _squashed(case):
    return nearest_float32(np.clip(np.tanh(case["pre_tanh"]), -BELOW_ONE, BELOW_ONE))


SQUASHED = Role(
    "action", ACTION_WORDS, ("pre_tanh",), _squashed, lambda given: {"pre_tanh": np.arctanh(given["action"])},
    excludes=("pre_tanh",),
)  # fmt: skip
SQUASHED_TOO = Role(
    "action_too", ("action", *ACTION_WORDS), (), lambda case: np.tanh(case["pre_tanh"]), lambda given: {},
    needs=("pre_tanh",), excludes=("action",),
)  # fmt: skip


def _setting(name, alias, number):
    """A parameter of scaled actions, at the number that leaves them as they are."""
    return Role(name, (alias,), (), lambda case: number, lambda given: {})


SETTINGS = (_setting("action_scale", "scale", 1.0), _setting("action_bias", "bias", 0.0))
INDEX = plain(
    "action", "actions", "a", "act", "acts", "ac", "acs", "index", "idx", "action_idx", "label", "labels", "value", "x"
)
ONE_HOT = Role(
    "one_hot", ("action_onehot", "actions_onehot", "action_one_hot", "one_hot_action", "onehot", "onehots"),
    ("action",), lambda case: np.eye(_width(case))[case["action"]],
    lambda given: {"action": given["one_hot"].argmax(axis=-1)}, excludes=("action",),
)  # fmt: skip


def _width(case):
    return case["logits"].shape[-1]


def by_division(mean, log_std, action):
    """−Σ [ (a − μ)²/(2σ²) + log σ + ½ log 2π ] with σ = exp(log σ)."""
    std = np.exp(log_std)
    return -((action - mean) ** 2 / (2 * std**2) + np.log(std) + log_two_pi(mean) / 2).sum(axis=-1)


def log_of_softmax(logits):
    """log( exp l / Σ exp l ), elementwise."""
    mass = np.exp(logits)
    return np.log(mass / mass.sum(axis=-1, keepdims=True))


def _log_of_chosen(logits, action):
    return np.take_along_axis(log_of_softmax(logits), action[..., None], axis=-1)[..., 0]


def _entropy_of_softmax(logits):
    log_p = log_of_softmax(logits)
    return -(np.exp(log_p) * log_p).sum(axis=-1)


def _by_one_minus_square(mean, log_std, pre_tanh):
    squash = np.log(1 - np.tanh(pre_tanh) ** 2).sum(axis=-1)
    return by_division(mean, log_std, pre_tanh) - squash


GAUSSIAN_LOG_PROB = Spec(
    name="gaussian_log_prob",
    formula="log π(a) = Σ_i [ −½ z_i² − log σ_i − ½ log 2π ],  z = (a − μ)/σ",
    source="Williams 1992",
    reference=gaussian.log_prob,
    outputs=("log_prob",),
    tame={"ordinary Gaussians": cases.gaussians(action=cases.MEAN)},
    stress={"log_std from −20 to 20": cases.FAR_ACTIONS},
    edges={**cases.shapes(lambda **shape: cases.gaussians(action=cases.MEAN, **shape)), "a = μ": cases.AT_THE_MEAN},
    roles=(MEAN, *scale_roles(), ACTION),
    layouts=GAUSSIAN_LAYOUTS,
    identities=laws.GAUSSIAN_LOG_PROB,
    formulas=(by_division,),
)
GAUSSIAN_ENTROPY = Spec(
    name="gaussian_entropy",
    formula="H = Σ_i [ log σ_i + ½ log 2πe ]",
    source="Cover and Thomas 2006, theorem 8.4.1",
    reference=gaussian.entropy,
    outputs=("entropy",),
    tame={"ordinary Gaussians": cases.gaussians()},
    stress={"log_std from −20 to 20": cases.gaussians(log_std=between(-20.0, 20.0))},
    edges=cases.shapes(cases.gaussians),
    roles=(MEAN, *scale_roles()),
    layouts=GAUSSIAN_LAYOUTS,
    absent={"mean": lambda case: 0 * case["log_std"]},
    identities=laws.GAUSSIAN_ENTROPY,
    formulas=(lambda mean, log_std: gaussian.entropy(mean, np.log(np.exp(2 * log_std)) / 2),),
)
SQUASHED_GAUSSIAN_LOG_PROB = Spec(
    name="squashed_gaussian_log_prob",
    formula="log π(tanh u) = log N(u; μ, σ²) − Σ_i log(1 − tanh² u_i)",
    source="Haarnoja et al. 2018, appendix C",
    reference=squashed_gaussian.log_prob,
    outputs=("log_prob",),
    tame={"ordinary Gaussians": cases.gaussians(pre_tanh=cases.PRE_TANH)},
    stress={
        "|u| up to 20": cases.gaussians(pre_tanh=number(20.0)),
        "log_std from −20 to 2": cases.gaussians(log_std=between(-20.0, 2.0), pre_tanh=number(4.0)),
    },
    edges=cases.shapes(lambda **shape: cases.gaussians(pre_tanh=cases.PRE_TANH, **shape)),
    roles=(MEAN, *scale_roles(), PRE_TANH, SQUASHED, SQUASHED_TOO, *SETTINGS),
    layouts=GAUSSIAN_LAYOUTS,
    identities=laws.SQUASHED_GAUSSIAN_LOG_PROB,
    formulas=(_by_one_minus_square,),
)
CATEGORICAL_LOG_PROB = Spec(
    name="categorical_log_prob",
    formula="log π(a) = l_a − log Σ_j exp l_j",
    source="Williams 1992",
    reference=categorical.log_prob,
    outputs=("log_prob",),
    tame={"ordinary logits": cases.categoricals()},
    stress={"logits ±80": cases.categoricals(logit=number(80.0)), "±1000": cases.categoricals(logit=number(1000.0))},
    edges=cases.shapes(cases.categoricals),
    roles=(*logit_roles(), INDEX, ONE_HOT),
    layouts=ROW_LAYOUTS,
    identities=laws.CATEGORICAL_LOG_PROB,
    formulas=(_log_of_chosen,),
)
CATEGORICAL_ENTROPY = Spec(
    name="categorical_entropy",
    formula="H(p) = −Σ_i p_i log p_i,  p = softmax(l)",
    source="Shannon 1948",
    reference=categorical.entropy,
    outputs=("entropy",),
    tame={"ordinary logits": cases.categoricals(chosen=False)},
    stress={
        "logits ±80": cases.categoricals(logit=number(80.0), chosen=False),
        "±1000": cases.categoricals(logit=number(1000.0), chosen=False),
    },
    edges=cases.shapes(lambda **shape: cases.categoricals(chosen=False, **shape)),
    roles=logit_roles(),
    layouts=ROW_LAYOUTS,
    identities=laws.CATEGORICAL_ENTROPY,
    formulas=(_entropy_of_softmax,),
)
