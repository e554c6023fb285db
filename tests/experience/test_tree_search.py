"""The search: by exact values it finds perfect play, by no knowledge mates in one; and a plain tree, node by node."""

import math

import numpy as np
import pytest

from scratchrl.experience import games, minimax, tree_search
from scratchrl.experience.games import CONNECT_FOUR, TIC_TAC_TOE, Position
from scratchrl.experience.tree_search import search, with_noise

SOLUTION = minimax.solve(TIC_TAC_TOE)


def open_positions():
    """All positions of tic-tac-toe that are not over, (4520,)."""
    alive = ~SOLUTION.over
    return Position(SOLUTION.position.mine[alive], SOLUTION.position.theirs[alive])


def some(position, rows):
    return Position(position.mine[rows], position.theirs[rows])


def ignorant(position, legal):
    """Uniform priors, all values 0."""
    return legal / np.maximum(1, legal.sum(axis=-1, keepdims=True)), np.zeros(len(legal))


def knowing(position, legal):
    """Uniform priors, exact values."""
    pairs = zip(position.mine.tolist(), position.theirs.tolist(), strict=True)
    return ignorant(position, legal)[0], np.array([SOLUTION.values[pair] for pair in pairs], float)


def dreaming(seed):
    """Priors and values that are arbitrary functions of the position."""
    weights = np.random.default_rng(seed).standard_normal((18, 10))

    def judge(position, legal):
        y = np.tanh(games.encode(TIC_TAC_TOE, position, float) @ weights)
        prior = np.exp(y[:, :9]) * legal
        return prior / np.maximum(prior.sum(axis=-1, keepdims=True), 1e-300), y[:, 9]

    return judge


def board(game, *moves):
    position = games.start(1)
    for move in moves:
        position = games.play(game, position, np.array([move]))
    return position


# ---- against the plain definition ----


class Node:
    """One position of one tree, as the papers draw it."""

    def __init__(self, position, judge):
        one = Position(np.array([position.mine]), np.array([position.theirs]))
        legal = games.legal(TIC_TAC_TOE, one)
        (prior,), (value,) = judge(one, legal)
        self.position = position
        self.over, end = games.outcome(TIC_TAC_TOE, position)
        self.value = end if self.over else value
        self.edges = {int(a): [0, 0.0, prior[a], None] for a in np.flatnonzero(legal)}  # N, W, P, child


def simulate(node, judge, c):
    """One simulation from a node down; returns the value to the player to move at it."""
    if node.over:
        return node.value
    visits = sum(edge[0] for edge in node.edges.values())

    def score(action):
        n, w, p, _ = node.edges[action]
        return (w / n if n else 0.0) + c * p * math.sqrt(1 + visits) / (1 + n)

    action = max(node.edges, key=score)
    edge = node.edges[action]
    if edge[3] is None:
        edge[3] = Node(games.play(TIC_TAC_TOE, node.position, action), judge)
        value = -edge[3].value
    else:
        value = -simulate(edge[3], judge, c)
    edge[0] += 1
    edge[1] += value
    return value


def test_many_trees_at_once_are_the_plain_tree_one_by_one():
    judge, rng = dreaming(0), np.random.default_rng(1)
    positions = some(open_positions(), rng.choice(4520, 30, replace=False))
    tree = search(TIC_TAC_TOE, positions, judge, 40, 1.25)
    for g in range(30):
        root = Node(Position(int(positions.mine[g]), int(positions.theirs[g])), judge)
        for _ in range(40):
            simulate(root, judge, 1.25)
        for action in range(9):
            n, w, _, _ = root.edges.get(action, (0, 0.0, 0.0, None))
            assert tree.visits[g, 0, action] == n
            assert tree.total[g, 0, action] == pytest.approx(w, abs=1e-12)


def test_a_tree_does_not_depend_on_its_neighbours():
    judge = dreaming(1)
    many = search(TIC_TAC_TOE, some(open_positions(), np.arange(0, 4000, 100)), judge, 25, 1.5)
    for g in (0, 17, 39):
        alone = search(TIC_TAC_TOE, some(open_positions(), np.array([100 * g])), judge, 25, 1.5)
        np.testing.assert_array_equal(alone.visits[0], many.visits[g])


# ---- what holds in every tree ----


@pytest.mark.parametrize("simulations", [1, 2, 30])
def test_visits_sum_to_the_simulations_and_illegal_moves_get_none(simulations):
    tree = search(TIC_TAC_TOE, open_positions(), dreaming(2), simulations, 1.5)
    assert (tree.visits[:, 0].sum(axis=-1) == simulations).all()
    assert not tree.visits[~tree.legal].any()


def test_a_node_is_entered_once_as_a_leaf_and_then_passed():
    """N(s, a) = 1 + Σ_b N(s', b), and W(s, a) = −v(s') − Σ_b W(s', b): what goes up changes its sign at every move."""
    tree = search(TIC_TAC_TOE, some(open_positions(), np.arange(0, 4520, 50)), dreaming(3), 60, 1.5)
    edges = np.argwhere(tree.child > 0)
    assert len(edges) > 1000
    for g, node, action in edges:
        child = tree.child[g, node, action]
        n, w = tree.visits[g, node, action], tree.total[g, node, action]
        if tree.over[g, child]:
            assert w == -n * tree.value[g, child]
        else:
            assert n == 1 + tree.visits[g, child].sum()
            assert w == pytest.approx(-tree.value[g, child] - tree.total[g, child].sum(), abs=1e-12)


# ---- what it finds ----


def test_with_exact_values_the_most_visited_move_is_optimal_everywhere():
    positions = open_positions()
    good, rows = minimax.optimal(SOLUTION, positions), np.arange(4520)
    shares = []
    for simulations in (20, 60):
        visits = search(TIC_TAC_TOE, positions, knowing, simulations, 1.5).visits[:, 0]
        assert good[rows, visits.argmax(axis=-1)].all()
        shares.append((visits * good).sum(axis=-1) / simulations)
    assert shares[1].mean() > shares[0].mean() > 0.7  # and the others are visited less and less


def threats():
    """Every third position, and which moves are mates in one for the player to move, and would be for the other."""
    positions = some(open_positions(), np.arange(0, 4520, 3))
    legal = games.legal(TIC_TAC_TOE, positions)
    wins = np.zeros((2, *legal.shape), bool)
    for who, stones in enumerate(positions):
        for row, action in np.argwhere(legal):
            one = Position(stones[row], positions[1 - who][row])
            wins[who, row, action] = games.outcome(TIC_TAC_TOE, games.play(TIC_TAC_TOE, one, action))[1] < 0
    return positions, *wins


def test_mates_in_one_are_found_and_blocked_without_any_knowledge():
    positions, mine, theirs = threats()
    visits = search(TIC_TAC_TOE, positions, ignorant, 200, 1.5).visits[:, 0]
    chosen = visits.argmax(axis=-1)
    rows = np.arange(len(chosen))
    can_win = mine.any(axis=-1)
    assert can_win.sum() > 600
    assert mine[rows, chosen][can_win].all()
    must_block = ~can_win & (theirs.sum(axis=-1) == 1)
    assert must_block.sum() > 200
    assert theirs[rows, chosen][must_block].all()


def test_mates_in_one_of_connect_four():
    three = board(CONNECT_FOUR, 3, 0, 3, 0, 3)  # the second player must cover column 3
    assert search(CONNECT_FOUR, three, ignorant, 300, 1.5).visits[0, 0].argmax() == 3
    both = games.play(CONNECT_FOUR, three, np.array([0]))  # and did not: the first player wins there
    assert search(CONNECT_FOUR, both, ignorant, 50, 1.5).visits[0, 0].argmax() == 3


def test_a_network_that_sees_the_wrong_sign_would_be_found_out():
    """The judge's value is to the player to move: one that praises a position makes the move into it unattractive."""
    praised = board(TIC_TAC_TOE, 4)

    def judge(position, legal):
        return ignorant(position, legal)[0], np.where(position.theirs == praised.theirs, 1.0, 0.0)

    visits = search(TIC_TAC_TOE, games.start(1), judge, 60, 1.5).visits[0, 0]
    assert visits.argmin() == 4
    assert (np.delete(visits, 4) > visits[4]).all()


# ---- noise ----


def test_noise_is_dirichlet_on_the_legal_moves_alone():
    """k legal moves: η has mean 1/k and variance (1/k)(1 − 1/k)/(kα + 1); 5 standard errors, false alarm 6e-7 each."""
    rng, alpha, count = np.random.default_rng(0), 0.7, 20_000
    legal = np.tile([True, False, True, True, False, True, False, False, False], (count, 1))
    prior = legal / 4
    noisy = with_noise(prior, legal, rng, alpha, 0.25)
    np.testing.assert_allclose(noisy.sum(axis=-1), 1, rtol=1e-12)
    assert not noisy[~legal].any()
    eta = (noisy - 0.75 * prior)[:, legal[0]] / 0.25
    spread = math.sqrt(0.25 * 0.75 / (4 * alpha + 1))
    assert np.abs(eta.mean(axis=0) - 0.25).max() < 5 * spread / math.sqrt(count)
    np.testing.assert_allclose(eta.std(axis=0), spread, rtol=0.05)


def test_noise_of_share_0_and_of_no_size():
    legal = np.array([[True, True, False]])
    prior = np.array([[0.9, 0.1, 0.0]])
    np.testing.assert_array_equal(with_noise(prior, legal, np.random.default_rng(0), 1.0, 0.0), prior)
    tiny = with_noise(prior, legal, np.random.default_rng(0), 1e-6, 0.5)  # every gamma underflows to 0
    np.testing.assert_allclose(tiny, prior / 2, atol=0.5)
    assert np.isfinite(tiny).all()


def test_noise_acts_at_the_root_alone():
    shifted = np.array([[0.0, 1, 0, 0, 0, 0, 0, 0, 0]])
    tree = search(TIC_TAC_TOE, games.start(1), ignorant, 20, 1.5, stir=lambda prior, legal: shifted)
    plain = search(TIC_TAC_TOE, games.start(1), ignorant, 20, 1.5)
    np.testing.assert_array_equal(tree.prior[:, 0], shifted)
    assert tree.visits[0, 0].argmax() == 1
    assert tree.visits[0, 0, 1] > plain.visits[0, 0, 1]
    below = tree.child[0, 0, 1]
    np.testing.assert_allclose(tree.prior[0, below][tree.legal[0, below]], 1 / 8)


# ---- errors ----


def test_what_cannot_be_searched_is_refused():
    with pytest.raises(ValueError, match="simulations: expected at least 1, got 0"):
        search(TIC_TAC_TOE, games.start(1), ignorant, 0, 1.5)
    with pytest.raises(ValueError, match="position: expected games that are not over"):
        search(TIC_TAC_TOE, board(TIC_TAC_TOE, 0, 3, 1, 4, 2), ignorant, 5, 1.5)


def test_the_room_of_a_tree_is_its_simulations():
    tree = search(TIC_TAC_TOE, games.start(3), ignorant, 12, 1.5)
    assert isinstance(tree, tree_search.Tree)
    assert tree.child.shape == (3, 13, 9)
    assert tree.child.max() <= 12
