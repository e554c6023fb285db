"""Mistakes of C51: mass that gets lost on the way to the atoms, and logarithms that are kept from being large."""

import numpy as np

from scratchrl.maths import categorical
from scratchrl.maths.distributional import support
from scratchrl.oracle.mistake import BUG, CONVENTION, EITHER, mistake

LOSSES = ("c51_loss", "quantile_huber_loss", "search_policy_loss")


def positions(reward, terminated, gamma, v_min, v_max, atoms):
    """Where the atoms go, counted in atoms from v_min, before anything is clipped: (B, K)."""
    moved = reward[:, None] + gamma * (~terminated[:, None] * support(v_min, v_max, atoms, reward))
    return (moved - v_min) / ((v_max - v_min) / (atoms - 1))


def clipped(moved):
    """Positions within the support."""
    return np.minimum(moved.shape[-1] - 1, np.maximum(0, moved))


def neighbours(moved):
    """⌊b⌋ and ⌈b⌉ as integers. Comparisons, unlike a floor, are refused where rounding would decide them."""
    atom = np.arange(moved.shape[-1])
    return (moved[..., None] >= atom[1:]).sum(axis=-1), (moved[..., None] > atom[:-1]).sum(axis=-1)


def split(probs, to_below, to_above, below, above):
    """Σ_j p_j, one share to the atom below and one to the atom above."""
    unit = np.eye(probs.shape[1])
    shares = (probs * to_below)[..., None] * unit[below] + (probs * to_above)[..., None] * unit[above]
    return shares.sum(axis=1)


@mistake("c51-integer-mass-loss", "c51_projection", BUG, "Curt-Park/rainbow-is-all-you-need#76")
def mass_of_whole_positions_lost(projection, probs, reward, terminated, truncated, gamma, v_min, v_max):
    """p (⌈b⌉ − b) to ⌊b⌋ and p (b − ⌊b⌋) to ⌈b⌉

    Where b is an integer both shares are 0 and the mass is gone: at both ends of the support, so in every transition
    that ends beyond them. Give the atom below p (⌊b⌋ + 1 − b).
    """
    moved = clipped(positions(reward, terminated, gamma, v_min, v_max, probs.shape[1]))
    below, above = neighbours(moved)
    return split(probs, above - moved, moved - below, below, above)


@mistake("c51-weights-swapped", "c51_projection", BUG)
def nearer_atom_gets_less(projection, probs, reward, terminated, truncated, gamma, v_min, v_max):
    """p (b − ⌊b⌋) to ⌊b⌋ and p (⌊b⌋ + 1 − b) to the atom above

    The shares have changed places: the nearer atom gets the smaller one, and the mean moves the wrong way.
    """
    moved = clipped(positions(reward, terminated, gamma, v_min, v_max, probs.shape[1]))
    below, _ = neighbours(moved)
    above = np.minimum(below + 1, probs.shape[1] - 1)
    return split(probs, moved - below, below + 1 - moved, below, above)


@mistake("c51-nearest", "c51_projection", BUG)
def all_to_the_atom_below(projection, probs, reward, terminated, truncated, gamma, v_min, v_max):
    """p to ⌊b⌋

    No split at all: the whole mass falls on the atom below, and the mean falls with it.
    """
    moved = clipped(positions(reward, terminated, gamma, v_min, v_max, probs.shape[1]))
    below, _ = neighbours(moved)
    return split(probs, 1 + 0 * moved, 0 * moved, below, below)


@mistake("c51-no-clip", "c51_projection", BUG)
def beyond_the_ends(projection, probs, reward, terminated, truncated, gamma, v_min, v_max):
    """b not clipped to [0, K − 1]

    What leaves the support is lost instead of piling up at its ends.
    """
    moved = positions(reward, terminated, gamma, v_min, v_max, probs.shape[1])
    away = np.abs(moved[:, None, :] - np.arange(probs.shape[1])[:, None])
    return (np.maximum(0, 1 - away) * probs[:, None, :]).sum(axis=-1)


@mistake("c51-spacing", "c51_projection", BUG)
def one_interval_too_many(projection, probs, reward, terminated, truncated, gamma, v_min, v_max):
    """Δ = (v_max − v_min)/K

    K atoms have K − 1 intervals. With K of them the last atom is v_max − Δ and everything lands off by a share.
    """
    last = v_max - (v_max - v_min) / probs.shape[1]
    return projection(probs, reward, terminated, truncated, gamma, v_min, last)


@mistake("c51-terminal-index", "c51_projection", BUG, "Packt@cae1c71")
def terminal_rows_by_two_lists(projection, probs, reward, terminated, truncated, gamma, v_min, v_max):
    """p′[terminal rows that hit an atom, ⌊b⌋ of all terminal rows] = 1

    Row numbers of some terminal transitions are paired with columns of all of them: an IndexError where the lengths
    differ, wrong atoms where one of them is 1. Select ⌊b⌋ and ⌈b⌉ by the same mask as the rows.
    """
    result = projection(probs, reward, terminated, truncated, gamma, v_min, v_max)
    moved = clipped(positions(reward, terminated, gamma, v_min, v_max, probs.shape[1]))
    below, above = neighbours(moved)
    rows, moved, below, above = np.flatnonzero(terminated), *(x[terminated, 0] for x in (moved, below, above))
    hit = below == above
    result[rows] = 0 * result[rows]
    if hit.any():
        result[rows[hit], below] = 1.0
    if not hit.all():
        result[rows[~hit], below] = (above - moved)[~hit]
        result[rows[~hit], above] = (moved - below)[~hit]
    return result


# ---- the loss ----


@mistake("loss-sum-vs-mean", LOSSES, EITHER, "IntelLabs/coach#344", "p-christ#65")
def summed(loss, **case):
    """L = Σ_b instead of the mean over b

    The step grows with the batch: B times the learning rate.
    """
    return tuple(len(next(iter(case.values()))) * output for output in loss(**case))


@mistake("unreduced", LOSSES, CONVENTION)
def sample_by_sample(loss, **case):
    """L_b of each sample, no mean

    The caller has to average, with importance weights perhaps. The gradient is that of the sum.
    """
    arrays = {name: array for name, array in case.items() if np.ndim(array) == 2}
    count = len(next(iter(arrays.values())))
    rows = [loss(**case | {name: array[b : b + 1] for name, array in arrays.items()}) for b in range(count)]
    return np.stack([value for value, _ in rows]), np.concatenate([gradient for _, gradient in rows])


@mistake("c51-mean-over-atoms", "c51_loss", EITHER)
def mean_over_atoms(loss, logits, target_probs):
    """L = −(1/(B K)) Σ_b Σ_i p′ log p

    The mean runs over the atoms too: the loss and its gradient are K times too small.
    """
    return tuple(output / logits.shape[1] for output in loss(logits, target_probs))


@mistake("c51-kl", "c51_loss", CONVENTION)
def divergence(loss, logits, target_probs):
    """L = (1/B) Σ_b KL(p′‖p)

    The cross-entropy less the entropy of p′, a constant: the same gradient, and 0 at the optimum.
    """
    value, d_logits = loss(logits, target_probs)
    positive = np.where(target_probs > 0, target_probs, 1.0 + 0 * target_probs)
    return value + (target_probs * np.log(positive)).sum() / len(logits), d_logits


def through(log_p, slope, logits, target_probs):
    """−(1/B) Σ p′ f and its derivative by the logits, for f of slope ∂f_i/∂ log softmax_i."""
    p = categorical.softmax(logits)
    weight = target_probs * slope
    d_logits = p * weight.sum(axis=-1, keepdims=True) - weight
    return -(target_probs * log_p).sum() / len(logits), d_logits / len(logits)


@mistake("c51-prob-clamp", "c51_loss", BUG, "rainbow-is-all-you-need@9005dda", variants=({"least": 1e-3},))
def small_probabilities_raised(loss, logits, target_probs, least):
    """log max(p, ε) instead of log p, nothing renormalised

    Atoms below ε have no gradient of their own, so a target that calls for them is not heard. Take the log-softmax of
    the logits, which needs no clamp.
    """
    p = categorical.softmax(logits)
    kept = p >= least
    return through(np.log(np.where(kept, p, least + 0 * p)), kept.astype(float), logits, target_probs)


@mistake("c51-prob-clamp", "c51_loss", EITHER, "vwxyzjn/cleanrl c51", variants=({"margin": 1e-5},))
def both_ends_clamped(loss, logits, target_probs, margin):
    """log clamp(p, ε, 1 − ε) instead of log p

    Finite for every p, with no gradient outside. Harmless while no probability comes near 0 or 1.
    """
    p = categorical.softmax(logits)
    low, high = p < margin, p > 1 - margin
    inside = np.where(low, margin + 0 * p, np.where(high, 1 - margin + 0 * p, p))
    return through(np.log(inside), (~(low | high)).astype(float), logits, target_probs)


@mistake("logp-eps-in-log", "c51_loss", CONVENTION, "tianshou C51", variants=({"eps": 1e-8}, {"eps": 1e-6}))
def epsilon_in_the_logarithm(loss, logits, target_probs, eps):
    """log(p + ε) instead of log p

    Bounds the loss where a probability vanishes, and its gradient with it; off by ε/p elsewhere.
    """
    p = categorical.softmax(logits)
    return through(np.log(p + eps), p / (p + eps), logits, target_probs)
