r"""Tree search with a network's advice (PUCT): select, expand, back up, in the trees of many games side by side.

For every move a of a position s a tree keeps the number of visits N(s, a), the sum W(s, a) of what they brought, to the
player to move at s, and the prior P(s, a). A simulation walks down from the root, each time along the move with

    max_a  Q(s, a) + c P(s, a) √(1 + Σ_b N(s, b)) / (1 + N(s, a)),    Q = W/N, 0 where N = 0,        (1)

until it leaves the tree or the game is over. The new position joins the tree with the priors of the network, and its
value v, from the network or the end of the game, goes back up. It is the value to the player to move there, so

    N(s, a) += 1,   W(s, a) += −v,   v ← −v        for every move (s, a) of the way, last first      (2)

Sample moves at the root by N^(1/τ), or take the most visited. G trees grow at once: each step of the walk is a handful
of array operations on all games, and the network sees the G new positions as one batch.

Paper: Silver et al. (2018), AlphaZero. There c grows slowly with the number of visits; here it is constant.
Checked in tests/experience/test_tree_search.py.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchrl.experience import games
from scratchrl.experience.games import Game, Position

Judge = Callable[[Position, NDArray], tuple[NDArray, NDArray]]
"""Positions (G,), legal moves (G, A) → prior (G, A) and value (G,) to the player to move."""


class Tree(NamedTuple):
    """G trees of at most M positions each, node 0 the root; arrays written in place."""

    mine: NDArray  # (G, M) int64
    theirs: NDArray  # (G, M)
    over: NDArray  # (G, M) bool: the game has ended here
    value: NDArray  # (G, M): v of the position when it joined the tree
    legal: NDArray  # (G, M, A) bool
    prior: NDArray  # (G, M, A)
    child: NDArray  # (G, M, A) int32: the node behind a move, 0 where there is none yet
    visits: NDArray  # (G, M, A)
    total: NDArray  # (G, M, A): W


class Path(NamedTuple):
    """How G simulations walked: step t of game g is the move (node[t, g], action[t, g]), where taken[t, g]."""

    node: NDArray  # (T, G)
    action: NDArray  # (T, G)
    taken: NDArray  # (T, G) bool: a game whose walk is over waits
    leaf: NDArray  # (G,): the node at the end, 0 if the last move leads out of the tree


def search(
    game: Game,
    position: Position,
    judge: Judge,
    simulations: int,
    c: float,
    stir: Callable[[NDArray, NDArray], NDArray] | None = None,
) -> Tree:
    """The trees of G positions after that many simulations each.

    Args:
      position: (G,) arrays, of games that are not over.
      judge: called once for the roots and once a simulation, always with G positions; where a game is over, it may say
        anything. Its priors of illegal moves are never used.
      c: the weight of the prior in (1).
      stir: (prior (G, A), legal (G, A)) → the priors used at the roots, see `with_noise`; none: the judge's.
    Returns:
      the Tree; `visits[:, 0]` is N at the roots, and each of its rows sums to `simulations`.
    Raises:
      ValueError: no simulation, or a game that is over.
    """
    if simulations < 1:
        raise ValueError(f"simulations: expected at least 1, got {simulations}")
    if games.outcome(game, position)[0].any():
        raise ValueError("position: expected games that are not over, got one that is")
    tree = _planted(game, len(position.mine), simulations + 1)
    _join(game, tree, 0, position, judge)
    if stir is not None:
        tree.prior[:, 0] = stir(tree.prior[:, 0], tree.legal[:, 0])
    for node in range(1, simulations + 1):
        path = select(tree, c)
        back_up(tree, path, expand(game, tree, node, path, judge))
    return tree


def select(tree: Tree, c: float) -> Path:
    """Down the trees by (1), to a move that leads out of them or to the end of a game."""
    row = np.arange(len(tree.mine))
    node, walking = np.zeros(len(row), np.int64), np.ones(len(row), bool)
    steps = []
    while walking.any():
        action = _scores(tree, row, node, c).argmax(axis=-1)
        steps.append((node, action, walking))
        node = np.where(walking, tree.child[row, node, action], node)
        walking = walking & (node > 0) & ~tree.over[row, node]
    nodes, actions, taken = (np.stack(column) for column in zip(*steps, strict=True))
    return Path(nodes, actions, taken, node)


def _scores(tree: Tree, row: NDArray, node: NDArray, c: float) -> NDArray:
    """(G, A): (1), and −∞ for illegal moves."""
    visits = tree.visits[row, node]
    q = tree.total[row, node] / np.maximum(visits, 1)
    bonus = c * tree.prior[row, node] * np.sqrt(1 + visits.sum(axis=-1, keepdims=True)) / (1 + visits)
    return np.where(tree.legal[row, node], q + bonus, -np.inf)  # (1)


def expand(game: Game, tree: Tree, node: int, path: Path, judge: Judge) -> NDArray:
    """The positions behind the last moves of the paths join the trees as `node`, where they are not there yet.

    Returns:
      (G,) the node that each path now ends at.
    """
    row, last = np.arange(len(tree.mine)), path.taken.sum(axis=0) - 1
    parent, action, new = path.node[last, row], path.action[last, row], path.leaf == 0
    before = Position(tree.mine[row, parent], tree.theirs[row, parent])
    _join(game, tree, node, games.play(game, before, action), judge)
    tree.child[row[new], parent[new], action[new]] = node
    return np.where(new, node, path.leaf)


def back_up(tree: Tree, path: Path, leaf: NDArray) -> None:
    """(2), from the values of the leaves (G,) up to the roots."""
    row = np.arange(len(tree.mine))
    value = tree.value[row, leaf]
    for node, action, taken in zip(path.node[::-1], path.action[::-1], path.taken[::-1], strict=True):
        value = np.where(taken, -value, value)  # (2)
        at = row[taken], node[taken], action[taken]
        tree.visits[at] += 1
        tree.total[at] += value[taken]


def with_noise(prior: NDArray, legal: NDArray, rng: np.random.Generator, alpha: float, share: float) -> NDArray:
    """(1 − share) P + share η, η ~ Dirichlet(α) over the legal moves: so that self-play tries every one of them.

    Args:
      prior, legal: (G, A); alpha: α > 0, the smaller the fewer moves share the noise; share in [0, 1].

    Checked in tests/experience/test_tree_search.py: the moments of η, rows that sum to 1, no noise on illegal moves.
    """
    gamma = rng.standard_gamma(alpha, prior.shape) * legal  # divided by their sum they are Dirichlet
    total = gamma.sum(axis=-1, keepdims=True)
    return (1 - share) * prior + share * gamma / np.where(total > 0, total, 1)


def _planted(game: Game, count: int, nodes: int) -> Tree:
    kinds = {"mine": np.int64, "theirs": np.int64, "over": np.bool, "legal": np.bool, "child": np.int32}
    shapes = dict.fromkeys(("mine", "theirs", "over", "value"), (count, nodes))
    size = (count, nodes, games.actions(game))
    return Tree(**{name: np.zeros(shapes.get(name, size), kinds.get(name, np.float64)) for name in Tree._fields})


def _join(game: Game, tree: Tree, node: int, position: Position, judge: Judge) -> None:
    """The positions (G,) become `node` of each tree."""
    (over, end), legal = games.outcome(game, position), games.legal(game, position)
    prior, value = judge(position, legal)
    tree.mine[:, node], tree.theirs[:, node] = position
    tree.over[:, node], tree.legal[:, node], tree.prior[:, node] = over, legal, prior
    tree.value[:, node] = np.where(over, end, value)
