"""Mistakes of products with the Fisher matrix: which rows it sees, and whether it sees the KL at all."""

import numpy as np

from scratchrl.maths import categorical
from scratchrl.oracle.mistake import BUG, CONVENTION, EITHER, mistake
from scratchrl.oracle.mistakes.conjugate_gradients import DAMPINGS


@mistake(
    "fvp-wrong-graph", "fisher_vector_product", BUG, "sb3-contrib#38", "rll/rllab#24", "MushroomRL#79",
    variants=({"times": 0}, {"times": -1}),
)  # fmt: skip
def graph_is_cut(product, logits, vector, times):
    """F v = 0, or −F v

    The gradient of the KL has lost its graph, or is that of the wrong argument: sᵀF s is 0 or negative, its root nan.
    Differentiate KL(stop_gradient(p) ‖ p) twice.
    """
    return times * product(logits, vector)


@mistake(
    "fvp-subsample", "fisher_vector_product", CONVENTION, "baselines", "hill-a", variants=({"every": 5}, {"every": 2})
)
def some_rows(product, logits, vector, every):
    """F from every 5th row

    Cheaper and noisier; the step length is then measured on a part of the batch.
    """
    if vector.ndim == 1:
        return product(logits[::every], vector)
    result = 0 * vector
    result[::every] = product(logits[::every], vector[::every])
    return result


@mistake("fvp-sum", "fisher_vector_product", EITHER)
def rows_added(product, logits, vector):
    """Σ_b F_b v instead of the mean

    F is B times too large: with the gradient of a mean, steps come out B times too short before they are scaled.
    """
    return len(logits) * product(logits, vector)


@mistake("fvp-not-centred", "fisher_vector_product", BUG)
def second_moment_of_indicators(product, logits, vector):
    """F v = (1/B) Σ p ∘ v

    Without −p (p·v): then adding a constant to all logits seems to change the policy.
    """
    rows = categorical.softmax(logits) * vector / len(logits)
    return rows.sum(axis=0) if vector.ndim == 1 else rows


@mistake("fvp-damping", "fisher_vector_product", CONVENTION, "modular_rl", "baselines", variants=DAMPINGS)
def product_damped(product, logits, vector, damping):
    """F v + λ v

    The damping belongs to the product here: whoever measures the KL with it measures too much.
    """
    return product(logits, vector) + damping * vector


@mistake(
    "fisher-vs-ggn-vs-hessian", "fisher_vector_product", CONVENTION,
    equivalent="E[score scoreᵀ] = Σ_a p_a (e_a − p)(e_a − p)ᵀ = diag p − p pᵀ, the Hessian of KL(p‖·) at p",
)  # fmt: skip
def mean_of_outer_products(product, logits, vector):
    """F v = E[score (score·v)], over all actions

    The covariance of the score instead of the Hessian of the KL: the same matrix, once actions are not sampled.
    """
    p = categorical.softmax(logits)
    score = np.eye(logits.shape[1]) - p[:, None, :]
    along = (score * (vector if vector.ndim == 1 else vector[:, None, :])).sum(axis=-1)
    rows = ((p * along)[..., None] * score).sum(axis=1) / len(logits)
    return rows.sum(axis=0) if vector.ndim == 1 else rows
