"""Specs around replayed transitions: prioritised draws and their weights, dueling heads."""

from scratchrl.maths import dueling, prioritized
from scratchrl.oracle.cases import replay as cases
from scratchrl.oracle.roles import plain
from scratchrl.oracle.specification import Spec
from scratchrl.oracle.specs import plumbing_identities
from scratchrl.oracle.specs.loss_roles import BATCHES


def importance_weights(probs, size, beta, least):
    """w_i = (min_j P_j / P_i)^β, j over the batch; `least`, the smallest P of the whole memory, is not looked at.

    Checked in tests/oracle/specs/test_plumbing.py.

    >>> import numpy as np
    >>> importance_weights(np.array([0.25, 0.5]), 4, 1.0, 0.125)
    array([1. , 0.5])
    """
    return prioritized.importance_weights(probs, size, beta)


def batch_size(canonical):
    """N where nobody asks: it cancels."""
    return len(canonical["probs"])


def least_of_the_batch(canonical):
    """The smallest probability where nobody asks for that of the memory."""
    return canonical["probs"].min()


tame, stress, edges = cases.memory_kinds()
PER_PROBABILITIES = Spec(
    name="per_probabilities",
    formula="P(i) = (|δ_i| + ε)^α / Σ_j (|δ_j| + ε)^α",
    source="Schaul et al. 2016, eq. 1",
    reference=prioritized.priorities,
    outputs=("probs",),
    tame=tame, stress=stress, edges=edges,
    roles=(
        plain("td_error", "td_errors", "errors", "delta", "deltas", "error", "tds", "priorities", "abs_td_error"),
        plain("alpha", "prio_alpha", "exponent", "per_alpha", "prob_alpha", "a", "omega"),
        plain("eps", "epsilon", "prio_eps", "per_eps", "e", "offset", "prior_eps"),
    ),
    layouts=BATCHES,
    identities=plumbing_identities.OF_PRIORITIES,
)  # fmt: skip

tame, stress, edges = cases.draw_kinds()
PER_WEIGHTS = Spec(
    name="per_weights",
    formula="w_i = (N P_i)^−β / max_j (N P_j)^−β,  j over the batch",
    source="Schaul et al. 2016, section 3.4",
    reference=importance_weights,
    outputs=("weights",),
    tame=tame, stress=stress, edges=edges,
    roles=(
        plain("probs", "probabilities", "p", "prob", "sampling_probabilities", "probs_sampled", "p_sample", "ps"),
        plain("size", "n", "buffer_size", "memory_size", "total", "capacity", "length", "num_entries", "n_entries"),
        plain("beta", "per_beta", "prio_beta", "b", "is_beta", "isw_exponent"),
        plain("least", "p_min", "min_prob", "min_p", "min_probability", "prob_min", "min_priority"),
    ),
    layouts=BATCHES,
    absent={"size": batch_size, "least": least_of_the_batch},
    identities=plumbing_identities.OF_WEIGHTS,
)  # fmt: skip

tame, stress, edges = cases.head_kinds()
DUELING_Q = Spec(
    name="dueling_q",
    formula="Q(s, a) = V(s) + A(s, a) − (1/|A|) Σ_a′ A(s, a′)",
    source="Wang et al. 2016, eq. 9",
    reference=dueling.dueling_q,
    outputs=("q",),
    tame=tame, stress=stress, edges=edges,
    roles=(
        plain("value", "v", "values", "val", "state_value", "v_s", "vs"),
        plain("advantage", "a", "adv", "advantages", "advs", "advantage_values"),
    ),
    layouts=BATCHES,
    identities=plumbing_identities.OF_DUELING,
)  # fmt: skip
