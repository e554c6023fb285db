"""The spec of what AlphaZero's policy learns from a search."""

import numpy as np

from scratchrl.maths import search_policy
from scratchrl.oracle.cases import search as cases
from scratchrl.oracle.roles import plain
from scratchrl.oracle.specification import Identity, Spec


def search_policy_loss(logits, legal, target):
    """−(1/B) Σ_b Σ_a π_a log p_a, p the softmax over the legal moves, and its derivative by the logits.

    π is 0 on illegal moves; what is said of them is not looked at.

    Checked in tests/oracle/specs/test_search.py.

    >>> legal, target = np.array([[True, True, False]]), np.array([[1.0, 0.0, 0.0]])
    >>> loss, d_logits = search_policy_loss(np.log(np.array([[1.0, 3.0, 5.0]])), legal, target)
    >>> np.exp(loss).round(12).item(), d_logits.round(12).tolist()
    (4.0, [[-0.75, 0.75, 0.0]])
    """
    value, d_logits = search_policy.cross_entropy(logits, legal, target * legal)
    return value.sum() / len(logits), d_logits / len(logits)


def _by_softmax(logits, legal, target):
    mass = np.exp(logits) * legal
    p = mass / mass.sum(axis=1, keepdims=True)
    loss = -(target * np.log(np.where(legal, p, p + 1))).sum() / len(logits)
    return loss, (p - target) / len(logits)


def _loss(answer):
    return answer[0] if isinstance(answer, tuple) else answer


def moves_that_are_none(f, logits, legal, target):
    """The logits of illegal moves do not matter."""
    other = np.where(legal, logits, logits + 1)
    return _loss(f(logits=other, legal=legal, target=target)) - _loss(f(logits=logits, legal=legal, target=target))


def shifted(f, logits, legal, target):
    """A constant in the logits changes nothing."""
    return _loss(f(logits=logits + 1, legal=legal, target=target)) - _loss(f(logits=logits, legal=legal, target=target))


def every_move(canonical):
    """What the absence of `legal` means."""
    return np.ones(canonical["logits"].shape, bool)


tame, stress, edges = cases.kinds()
SEARCH_POLICY_LOSS = Spec(
    name="search_policy_loss",
    formula="L = −(1/B) Σ_b Σ_a π_a log p_a,  p_a = exp l_a/Σ_legal exp l,  ∂L/∂l = (p − π)/B, 0 for illegal moves",
    source="Silver et al. 2018, eq. 1",
    reference=search_policy_loss,
    outputs=("loss", "d_logits"),
    tame=tame, stress=stress, edges=edges,
    roles=(
        plain("logits", "policy_logits", "logit", "l", "pi_logits", "p_logits", "pred_logits", "out_pi", "policy"),
        plain("legal", "mask", "legal_mask", "legal_moves", "legal_actions", "valid", "valids", "valid_moves",
              "action_mask", "legal_action_mask", "valid_mask", flags=True),
        plain("target", "pi", "target_pi", "target_pis", "target_policy", "search_policy", "visits", "visit_probs",
              "mcts_probs", "pis", "targets", "search_probs", "policy_target"),
    ),
    absent={"legal": every_move},
    formulas=(_by_softmax,),
    differentiate=("logits",),
    identities=(
        Identity("the logits of illegal moves do not matter", moves_that_are_none),
        Identity("a constant in the logits changes nothing", shifted),
    ),
)  # fmt: skip
