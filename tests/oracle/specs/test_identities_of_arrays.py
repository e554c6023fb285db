"""Identities of targets, C51, curvature, optimizers and statistics: right functions obey, wrong ones do not."""

from functools import partial

import numpy as np
import pytest

from scratchrl.oracle import identities, mistakes, specs
from scratchrl.oracle.balls import Undecidable
from scratchrl.oracle.examination import score
from scratchrl.oracle.numbers import error_bound
from scratchrl.oracle.search import draw
from scratchrl.oracle.subjects import readings

BROKEN = {  # spec -> identity -> a mistake of the catalogue that breaks it
    "dqn_target": {
        "a terminal target is the reward": "target-no-mask",
        "a truncation changes nothing": "target-trunc-masked",
        "a sample alone has the target that it has among others": "dqn-max-all",
        "one more of reward is one more of target": "target-reward-discounted",
        "Q′ + 1 adds γ (1 − terminated)": "target-mask-plus",
    },
    "double_dqn_target": {
        "Q′_target + 1 adds γ (1 − terminated)": "dqn-online-target",
        "with one network it is DQN": "target-reward-masked",
        "increasing maps of Q_online change nothing": "ddqn-nets-swapped",
    },
    "clipped_double_q_target": {
        "Q₁ + 1 and Q₂ + 1 add γ (1 − terminated)": "target-mask-inverted",
        "the critics may change places": "target-single-q",
    },
    "sac_target": {"log π + 1 takes away γ (1 − terminated) α": "sac-entropy-outside-mask"},
    "c51_projection": {
        "no mass is lost": "c51-integer-mass-loss",
        "the mean is that of r + γ z within the support": "c51-nearest",
        "γ = 1 and r = 0 move nothing": "c51-weights-swapped",
    },
    "c51_loss": {"every row twice gives the same mean": "loss-sum-vs-mean"},
    "quantile_huber_loss": {"the mirror image costs the same": "qr-broadcast"},
    "conjugate_gradient": {
        "A x = b": "cg-damping",
        "twice the right-hand side has twice the solution": "cg-eps-in-step",
    },
    "fisher_vector_product": {
        "F 1 = 0: a constant in the logits changes no policy": "fvp-not-centred",
        "v·F v is not negative": "fvp-wrong-graph",
        "every row twice gives the same mean": "fvp-sum",
    },
    "trust_region_step": {
        "½ stepᵀF step = δ": "trpo-step-half",
        "twice the gradient takes the same step": "trpo-step-unscaled",
        "four times the radius takes twice the step": "trpo-step-no-root",
        "other coordinates take the same step": "trpo-not-natural",
        "the step goes uphill": "trpo-step-sign",
    },
    "line_search": {"the objective never falls": "ls-kl-only", "the KL is never above δ": "ls-no-kl"},
    "adam_step": {
        "at ε = 0 the step does not see the scale of the gradients": "adam-t-from-zero",
        "at ε = 0 the first step is −lr sign(g)": "adam-no-correction",
        "a constant gradient is its own mean": "adam-corrected-state",
    },
    "rmsprop_step": {"at ε = 0 the first step is −lr sign(g)/√(1 − ρ)": "rmsprop-stale-square"},
    "polyak_update": {"τ = 1 copies": "polyak-swapped", "τ = 0 keeps": "polyak-tau-ignored"},
    "running_moments": {
        "it does not matter where the batches are cut": "rms-no-between-term",
        "it does not matter in which order they come": "rms-delta-after-update",
        "2x + 1 has 2 mean + 1 and 4 times the variance": "rms-std",
    },
    "per_probabilities": {
        "α = 0 is uniform": "per-no-exponent",
        "errors and ε four times as large change nothing": "per-eps-place",
    },
    "per_weights": {
        "β = 0 leaves every weight 1": "per-isw-uncorrected",
        "w P is constant at β = 1": "per-isw-exponent",
    },
    "n_step_replay": {
        "a run of one transition is that transition": "nstep-reward-offset",
        "rows that are not filled are not read": "nstep-crosses-write-pointer",
    },
    "target_network": {
        "τ = 1 copies": "polyak-swapped",
        "τ = 0 keeps the first parameters": "target-not-initialised",
        "what it was initialised with by itself does not matter": "target-soft-init",
    },
    "moments_update": {
        "the two samples may change places": "rms-batchcount1",
        "two samples of one mean have that mean": "rms-mean-missing-old",
    },
    "running_return": {"γ = 0 leaves the rewards": "rewnorm-default-gamma"},
    "per_sample": {"four times the priorities draw the same": "per-mass-unscaled"},
    "linear_schedule": {
        "it begins with the first value": "schedule-from-one",
        "it ends with the last value": "schedule-unclamped",
    },
    "per_beta": {"it begins with the first value": "schedule-swapped"},
    "exploration_noise": {"no draw moves nothing": "expl-noise-biased"},
    "td3_smoothing": {"no draw moves nothing": "expl-clip-unit"},
    "ou_noise": {"without noise the mean stays": "ou-uniform"},
    "ddpg_policy_loss": {"one more of every Q is one less of loss": "dpg-sign"},
    "critic_minimum": {"the critics may change places": "target-single-q"},
    "search_policy_loss": {"the logits of illegal moves do not matter": "az-illegal-kept"},
    "dueling_q": {
        "the mean of Q over the actions is V": "dueling-max",
        "a constant in the advantages changes nothing": "dueling-no-mean",
    },
}  # fmt: skip
EVERY = [
    (spec, identity) for spec in (*BROKEN, "ddpg_target", "quantile_target") for identity in specs.get(spec).identities
]


def cases(spec):
    return [case for strategy in specs.get(spec).tame.values() for case in draw(strategy, 8, seed=0)]


def fails(spec, name, subject):
    found = next(identity for identity in specs.get(spec).identities if identity.name == name)
    ways = list(readings(subject, specs.get(spec), {}, ["numpy"], np.dtype(np.float64), 10.0))
    best = max(ways, key=lambda way: score(way, cases(spec)))
    return identities.fails(found, best, cases(spec))


def is_decided(identity, spec, case):
    try:
        error_bound(partial(identity.gap, specs.get(spec).reference), 53, **case)
    except Undecidable:
        return False
    return True


@pytest.mark.parametrize(("spec", "identity"), EVERY, ids=lambda x: getattr(x, "name", x))
def test_references_obey_and_most_cases_decide(spec, identity):
    assert not fails(spec, identity.name, specs.get(spec).reference)
    decided = [is_decided(identity, spec, case) for case in cases(spec)]
    assert sum(decided) > len(decided) / 2


@pytest.mark.parametrize(
    ("spec", "name", "slug"), [(spec, *pair) for spec, found in BROKEN.items() for pair in found.items()]
)
def test_a_mistake_breaks_it(spec, name, slug):
    broken = [
        fails(spec, name, entry.subject(specs.get(spec).reference))
        for entry in mistakes.against(spec)
        if entry.slug == slug
    ]
    assert any(broken)


def a_gradient_without_the_mass(logits, target_probs):
    loss, _ = specs.get("c51_loss").reference(logits, target_probs)
    return loss, -target_probs / len(logits)


def a_triangle(logits, vector):
    return np.cumsum(specs.get("fisher_vector_product").reference(logits, vector))


def a_square(logits, vector):
    return specs.get("fisher_vector_product").reference(logits, vector) * (1 + vector @ vector)


def an_epsilon_of_its_own(gradient, s, lr, decay, eps):
    step, s = specs.get("rmsprop_step").reference(gradient, s, lr, decay, eps)
    return step * (1 - 1e-8 / np.sqrt(s)), s


def shares_of_more_than_one(online, target, tau):
    return online * tau + target * (1 - tau / 2)


def not_normalised(td_error, alpha, eps):
    return (np.abs(td_error) + eps) ** alpha


def lifted_logits(logits, target_probs):
    return -(target_probs * (logits - np.log(1 + np.exp(logits).sum(axis=1, keepdims=True)))).sum() / len(logits)


def test_what_no_mistake_of_the_catalogue_breaks_can_be_broken():
    assert fails("c51_loss", "the gradient of a row sums to 0", a_gradient_without_the_mass)
    assert fails("c51_loss", "a constant in the logits changes nothing", lifted_logits)
    assert fails("fisher_vector_product", "F is symmetric", a_triangle)
    assert fails("fisher_vector_product", "F is linear", a_square)
    assert fails("rmsprop_step", "at ε = 0 the step does not see the scale of the gradients", an_epsilon_of_its_own)
    assert fails("polyak_update", "the two shares sum to 1", shares_of_more_than_one)
    assert fails("per_probabilities", "Σ P = 1", not_normalised)
