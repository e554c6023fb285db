"""Mistakes of what a policy learns from a search: illegal moves above all."""

import numpy as np

from scratchrl.oracle.mistake import BUG, CONVENTION, EITHER, mistake

SPEC = "search_policy_loss"


@mistake("az-illegal-kept", SPEC, BUG)
def over_all_moves(loss, logits, legal, target):
    """p = softmax over all moves

    Illegal moves share in the probability, and the gradient of legal ones depends on their logits. Leave them out of
    the sum, and not only out of the choice.
    """
    return loss(logits, np.ones_like(legal), target)


@mistake("az-illegal-zeroed", SPEC, BUG)
def logits_set_to_zero(loss, logits, legal, target):
    """l := l · legal, then softmax over all moves

    A logit of 0 is no probability of 0: an illegal move is as likely as a legal one of logit 0. Set it to −∞.
    """
    value, d_logits = loss(logits * legal, np.ones_like(legal), target)
    return value, d_logits * legal


@mistake("az-kl", SPEC, CONVENTION)
def without_its_entropy(loss, logits, legal, target):
    """L = (1/B) Σ_b KL(π‖p)

    Less the entropy of the search's policy, a constant: the gradient is the same.
    """
    value, d_logits = loss(logits, legal, target)
    log_target = np.log(np.where(target == 0, target + 1, target))
    return value + (target * log_target).sum() / len(logits), d_logits


@mistake("az-best-move", SPEC, EITHER)
def only_the_most_visited(loss, logits, legal, target):
    """π := 1 for the most visited move, else 0

    The policy learns which move was played and not how sure the search was.
    """
    return loss(logits, legal, np.eye(target.shape[1])[target.argmax(axis=1)] + 0 * target)


@mistake("az-mean-over-moves", SPEC, EITHER)
def mean_over_moves(loss, logits, legal, target):
    """L = −(1/(B A)) Σ_b Σ_a π_a log p_a

    The mean over the moves too: its weight against the value's loss is smaller by their number.
    """
    return tuple(output / logits.shape[1] for output in loss(logits, legal, target))


@mistake("az-sign", SPEC, BUG)
def unlearns_the_search(loss, **case):
    """L = +(1/B) Σ_b Σ_a π_a log p_a

    Minimised, it makes what the search prefers rarer: put a minus in front.
    """
    return tuple(-output for output in loss(**case))
