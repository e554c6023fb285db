"""C51: the projection against exact rationals, what it keeps and what it contracts; the loss; the grid.

2 to 9 atoms and 1 to 4 rows; rewards in ±5, γ in [0, 1], supports from [−8, 8] of any width above 2⁻⁵. Everything the
projection claims is asked of the compiled kernel and of the plain formula, which complex numbers take.
"""

from fractions import Fraction
from typing import NamedTuple

import flint
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.maths import categorical, distributional, kernels
from scratchrl.maths.distributional import c51_loss, categorical_mean, support
from scratchrl.oracle import strategies
from scratchrl.oracle.differentiation import complex_step


class Update(NamedTuple):
    """The arguments of c51_projection."""

    probs: np.ndarray  # (B, K)
    reward: np.ndarray  # (B,)
    terminated: np.ndarray
    truncated: np.ndarray
    gamma: float
    v_min: float
    v_max: float


@st.composite
def distributions(draw, rows, atoms):
    """(B, K): any, or a single atom."""
    if draw(st.booleans()):
        return np.eye(atoms)[draw(st.lists(st.integers(0, atoms - 1), min_size=rows, max_size=rows))]
    return categorical.softmax(draw(strategies.logits(rows=rows, actions=atoms)))


@st.composite
def updates(draw):
    rows, atoms = draw(st.integers(1, 4)), draw(st.integers(2, 9))
    v_min = draw(st.floats(-8, 7.875, width=32))
    v_max = draw(st.floats(v_min + 2.0**-5, 8))
    flags = [draw(strategies.flags((rows,))) for _ in range(2)]
    gamma = draw(st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1, width=32)))
    probs, reward = draw(distributions(rows, atoms)), draw(strategies.arrays(rows))
    return Update(probs, reward, *flags, gamma, v_min, v_max)


@st.composite
def on_the_grid(draw):
    """Δ = 1, whole rewards, γ = 1: every atom moves to an atom or beyond an end."""
    rows, atoms = draw(st.integers(1, 4)), draw(st.integers(2, 9))
    flags = [draw(strategies.flags((rows,))) for _ in range(2)]
    reward = np.array(draw(st.lists(st.integers(-12, 12), min_size=rows, max_size=rows)), float)
    v_min = draw(st.integers(-6, 6))
    return Update(draw(distributions(rows, atoms)), reward, *flags, 1.0, float(v_min), float(v_min + atoms - 1))


def compiled(probs, *rest):
    return distributional.c51_projection(probs, *rest)


def plain(probs, *rest):
    return distributional.c51_projection(probs.astype(complex), *rest).real


BOTH = pytest.mark.parametrize("project", [compiled, plain])


def near(got, truth, bound=1e-13):
    np.testing.assert_allclose(got, truth, rtol=0, atol=bound * max(1.0, np.abs(truth).max(initial=0)))


def width(update):
    return (update.v_max - update.v_min) / (update.probs.shape[1] - 1)


def sensitivity(update):
    """Rounding of r, γ and the ends, counted in atoms: what a hat may be off by, for each atom's worth of mass."""
    return 1e-15 * (update.probs.shape[1] + 40 / width(update))


# ---- the definition ----


def definition(update):
    """In rationals: clip(r + γ m z), and the hat max(0, 1 − |Tz − z_i|/Δ) on every atom."""
    rows, atoms = update.probs.shape
    low, high, gamma = map(Fraction, (update.v_min, update.v_max, update.gamma))
    delta = (high - low) / (atoms - 1)
    projected = np.zeros((rows, atoms))
    for b in range(rows):
        masses = [Fraction(0)] * atoms
        for j in range(atoms):
            future = 0 if update.terminated[b] else gamma * (low + j * delta)
            moved = min(max(Fraction(float(update.reward[b])) + future, low), high)
            for i in range(atoms):
                hat = max(Fraction(0), 1 - abs(moved - low - i * delta) / delta)
                masses[i] += hat * Fraction(float(update.probs[b, j]))
        projected[b] = [float(mass) for mass in masses]
    return projected


@BOTH
@given(updates())
def test_the_projection_is_the_hat_function_of_the_clipped_bellman_update(project, update):
    np.testing.assert_allclose(project(*update), definition(update), rtol=0, atol=10 * sensitivity(update))


@given(updates())
def test_the_kernel_is_the_formula_to_rounding(update):
    np.testing.assert_allclose(compiled(*update), plain(*update), rtol=0, atol=1e-15)


@given(updates())
def test_float32_differs_by_float32_rounding_and_stays_float32(update):
    narrow = update._replace(probs=update.probs.astype(np.float32), reward=update.reward.astype(np.float32))
    got = compiled(*narrow)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, definition(update), rtol=0, atol=2**29 * 10 * sensitivity(update))


# ---- what it keeps ----


@BOTH
@given(updates())
def test_mass_is_kept_and_never_negative(project, update):
    moved = project(*update)
    assert (moved >= 0).all()
    near(moved.sum(axis=1), update.probs.sum(axis=1), 1e-15 * update.probs.shape[1])


@BOTH
@given(updates())
def test_the_mean_is_that_of_the_clipped_bellman_update(project, update):
    """And so r + γ m Q wherever no atom hits an end."""
    *_, gamma, low, high = update
    discount = gamma * ~update.terminated
    z = support(low, high, update.probs.shape[1], update.reward)
    moved = update.reward[:, None] + discount[:, None] * z
    near(categorical_mean(project(*update), low, high), (update.probs * np.clip(moved, low, high)).sum(axis=1))
    within = (moved.min(axis=1) >= low) & (moved.max(axis=1) <= high)
    truth = update.reward + discount * categorical_mean(update.probs, low, high)
    near(categorical_mean(project(*update), low, high)[within], truth[within])


@BOTH
@given(on_the_grid())
def test_whole_positions_move_whole_masses_to_the_last_bit(project, update):
    """Neighbours below and above are the same atom there: no mass may fall between them, at the ends least of all."""
    rows, atoms = update.probs.shape
    truth = np.zeros((rows, atoms))
    for b, j in np.ndindex(rows, atoms):
        moved = update.reward[b] if update.terminated[b] else update.reward[b] + update.v_min + j
        truth[b, int(np.clip(moved - update.v_min, 0, atoms - 1))] += update.probs[b, j]
    got = project(*update)
    np.testing.assert_allclose(got, truth, rtol=0, atol=4e-16)  # sums of the masses that meet, in either order
    alone = (truth == 0) | (truth[:, :, None] == update.probs[:, None, :]).any(axis=2)
    np.testing.assert_array_equal(got[alone], truth[alone])


@BOTH
@given(updates())
def test_beyond_an_end_everything_stays_at_the_end_exactly(project, update):
    """17 is more than an end and a largest return together. No rounding may push a position off the grid."""
    for end, reward in ((0, -17.0), (-1, 17.0)):
        moved = project(*update._replace(reward=np.full_like(update.reward, reward)))
        near(moved[:, end], update.probs.sum(axis=1), 1e-15)
        moved[:, end] = 0
        assert not moved.any()


@BOTH
@pytest.mark.parametrize(("atoms", "low", "high"), [(51, -10.0, 10.0), (51, -1.0, 0.1), (2, 0.1, 0.7), (101, -3.3, 9)])
def test_without_reward_or_discount_nothing_changes_to_the_last_bit(project, atoms, low, high):
    """Also on the grid of the paper, whose Δ = 0.4 no float holds: positions are counted in atoms from the start."""
    probs = np.random.default_rng(0).dirichlet(np.ones(atoms), 16)
    no, zero = np.zeros(16, bool), np.zeros(16)
    np.testing.assert_array_equal(project(probs, zero, no, no, 1.0, low, high), probs)


@BOTH
@given(updates())
def test_what_lies_on_the_grid_stays_there(project, update):
    """Projecting twice is projecting once: the second update is r = 0, γ = 1."""
    moved, no = project(*update), np.zeros(len(update.reward), bool)
    still = project(moved, 0 * update.reward, no, no, 1.0, update.v_min, update.v_max)
    np.testing.assert_array_equal(still, moved)


@BOTH
@pytest.mark.parametrize("steps", range(-7, 8))
def test_a_reward_of_k_atoms_shifts_by_k_atoms(project, steps):
    """γ = 1. What leaves the grid gathers at its end."""
    probs, no = np.random.default_rng(0).dirichlet(np.ones(6), 4), np.zeros(4, bool)
    truth = np.zeros_like(probs)
    for j in range(6):
        truth[:, np.clip(j + steps, 0, 5)] += probs[:, j]
    near(project(probs, np.full(4, steps * 0.25), no, no, 1.0, -0.5, 0.75), truth, 1e-15)
    near(project(probs, np.full(4, steps * 0.4), no, no, 1.0, -1.0, 1.0), truth)


# ---- flags ----


@BOTH
@given(updates())
def test_after_the_end_the_return_is_the_reward_alone(project, update):
    """A point mass at clip(r), split between its two neighbours, whatever the distribution of the successor."""
    z = support(update.v_min, update.v_max, update.probs.shape[1], update.reward)
    end = np.ones_like(update.terminated)
    moved = project(*update._replace(terminated=end))
    at = np.clip(update.reward, update.v_min, update.v_max)
    mass = update.probs.sum(axis=1)
    near(moved @ z, mass * at)
    assert (moved[np.abs(z - at[:, None]) > width(update) * (1 + 1e-9)] <= sensitivity(update)).all()
    near(project(*update._replace(terminated=~end, gamma=0.0)), moved, 1e-15)


@BOTH
@given(updates())
def test_truncation_masks_nothing(project, update):
    np.testing.assert_array_equal(project(*update), project(*update._replace(truncated=~update.truncated)))


# ---- structure ----


@BOTH
@given(updates(), st.data())
def test_rows_know_nothing_of_each_other_and_masses_add_up(project, update, data):
    order = data.draw(st.permutations(range(len(update.reward))))
    permuted = Update(*(field[order] for field in update[:4]), *update[4:])
    np.testing.assert_array_equal(project(*permuted), project(*update)[order])
    other = data.draw(distributions(*update.probs.shape))
    apart = 0.25 * project(*update) + 0.75 * project(*update._replace(probs=other))
    near(project(*update._replace(probs=0.25 * update.probs + 0.75 * other)), apart, 1e-14)


@BOTH
@given(updates(), st.floats(0, 5))
def test_more_reward_is_more_return_at_every_quantile(project, update, more):
    """First-order stochastic dominance: the distribution function falls everywhere."""
    before, after = (np.cumsum(project(*u), axis=1) for u in (update, update._replace(reward=update.reward + more)))
    assert (after <= before + 20 * sensitivity(update)).all()


@BOTH
@given(updates(), st.data())
def test_one_update_contracts_the_cramer_distance_by_gamma(project, update, data):
    """Σ_i (F_i − F̃_i)² after is at most γ times that before, in rows that terminate 0."""
    other = update._replace(probs=data.draw(distributions(*update.probs.shape)))
    before = (np.cumsum(update.probs - other.probs, axis=1) ** 2).sum(axis=1)
    after = (np.cumsum(project(*update) - project(*other), axis=1) ** 2).sum(axis=1)
    assert (after <= update.gamma * ~update.terminated * before + 40 * sensitivity(update)).all()


@BOTH
@given(updates())
def test_the_distribution_function_is_averaged_between_the_atoms(project, update):
    """F′_i is the mean of the moved F over [z_i, z_{i+1}]: each jump counts for the share of the gap to its right."""
    z = support(update.v_min, update.v_max, update.probs.shape[1], update.reward)
    jumps = update.reward[:, None] + update.gamma * ~update.terminated[:, None] * z
    share = np.clip((z[1:] - jumps[:, :, None]) / width(update), 0, 1)
    truth = (update.probs[:, :, None] * share).sum(axis=1)
    got = np.cumsum(project(*update), axis=1)[:, :-1]
    np.testing.assert_allclose(got, truth, rtol=0, atol=20 * sensitivity(update))


def test_infinite_rewards_rest_at_an_end_and_nan_stays_visible_in_its_row():
    probs, no = np.full((3, 4), 0.25), np.zeros(3, bool)
    reward = np.array([np.inf, np.nan, 0.0])
    for project in (compiled, plain):
        moved = project(probs, reward, no, no, 1.0, 0.0, 3.0)
        np.testing.assert_array_equal(moved, [[0, 0, 0, 1], [np.nan] * 4, [0.25] * 4])


def test_balls_that_straddle_an_atom_or_an_end_still_hold_the_truth():
    """Positions known to ±¼ around every atom and beyond both ends: no ball can be sure on which side it is."""
    to_balls = np.frompyfunc(flint.arb, 1, 1)
    probs, middles = np.array([[0.5, 0.25, 0.125, 0.125]] * 9), np.arange(-4.0, 5.0)
    start = np.array([flint.arb(middle, 0.25) for middle in middles])
    balls = distributional.split_linearly(to_balls(probs), start, to_balls(np.ones(9)))
    for shift in (-0.25, -0.125, 0.0, 0.1875, 0.25):
        truth = distributional.split_linearly(probs, middles + shift, np.ones(9))
        assert all(ball.contains(flint.arb(number)) for ball, number in zip(balls.flat, truth.flat, strict=True))
    assert max(ball.rad() for ball in balls.flat) <= 1


@pytest.mark.parametrize("types", [("f", "f"), ("f", "d"), ("d", "f"), ("d", "d"), ("d", "q")])
def test_floats_take_the_kernel_in_the_wider_type_however_they_lie_in_memory(types, monkeypatch):
    kernel, given_to_it = kernels.c51_projection, []
    monkeypatch.setattr(kernels, "c51_projection", lambda *arrays: given_to_it.extend(arrays) or kernel(*arrays))
    probs, reward = np.array([[0.25, 0.0], [0.5, 0.5], [0.25, 0.5]], types[0]).T, np.array([1, 2], types[1])
    probs.flags.writeable = False
    moved = compiled(probs, reward, np.array([True, False]), np.array([True, False]), 0.5, 0.0, 4.0)
    np.testing.assert_array_equal(moved, [[0.5, 0.5, 0.0], [0.0, 0.25, 0.75]])
    wider = np.float32 if types == ("f", "f") else np.float64
    assert [array.dtype for array in (moved, *given_to_it)] == 4 * [wider]
    assert all(array.flags.carray for array in given_to_it)


# ---- the grid and its mean ----


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3), st.integers(2, 60))
def test_the_support_has_exact_ends_and_equal_gaps(v_min, extent, atoms):
    z = support(v_min, v_min + extent, atoms, np.zeros(1))
    assert z.shape == (atoms,)
    assert z[0] == v_min
    assert z[-1] == v_min + extent
    near(z, np.linspace(v_min, v_min + extent, atoms), 1e-15)
    assert (np.diff(z) > 0).all()


@given(st.floats(2.0**-5, 100), st.integers(2, 60))
def test_a_symmetric_support_is_its_own_mirror_image(bound, atoms):
    z = support(-bound, bound, atoms, np.zeros(1))
    np.testing.assert_array_equal(z, -z[::-1])


def test_the_mean_runs_over_the_last_axis():
    probs = np.random.default_rng(0).dirichlet(np.ones(5), (3, 2))
    near(categorical_mean(probs, -1.0, 3.0), probs @ np.arange(-1.0, 4.0), 1e-15)
    near(categorical_mean(np.eye(5), -1.0, 3.0), np.arange(-1.0, 4.0), 0)


# ---- the loss ----


@st.composite
def losses(draw):
    """Logits in ±8 and a target that need not have mass one."""
    rows, atoms = draw(st.integers(1, 4)), draw(st.integers(2, 9))
    mass = draw(st.sampled_from([1.0, 0.5, 2.0]))
    return draw(strategies.logits(rows=rows, actions=atoms)), mass * draw(distributions(rows, atoms))


@given(losses())
def test_the_loss_gradient_is_the_complex_step(pair):
    logits, target = pair
    value, d_logits = c51_loss(logits, target)
    near(d_logits, complex_step(lambda l: c51_loss(l, target)[0].sum(), logits), 1e-14)
    near(value, -(target * np.log(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))).sum(axis=1), 1e-14)


@given(losses(), st.floats(-50, 50))
def test_shifting_the_logits_changes_nothing_so_each_row_of_the_gradient_sums_to_zero(pair, shift):
    logits, target = pair
    value, d_logits = c51_loss(logits, target)
    near(d_logits.sum(axis=1), np.zeros(len(logits)), 1e-14)
    near(c51_loss(logits + shift, target)[0], value)


@given(strategies.logits(), st.data())
def test_the_loss_is_the_kl_plus_the_entropy_of_the_target_and_flat_where_they_agree(logits, data):
    other = data.draw(strategies.logits(rows=logits.shape[0], actions=logits.shape[1]))
    value, d_logits = c51_loss(logits, categorical.softmax(other))
    near(value, categorical.kl(other, logits) + categorical.entropy(other), 1e-13)
    near(d_logits, categorical.kl_grad(other, logits), 1e-14)
    near(c51_loss(logits, categorical.softmax(logits))[1], np.zeros_like(logits), 1e-15)


@given(strategies.logits(), st.data())
def test_for_a_single_atom_it_is_the_negative_log_probability(logits, data):
    rows, atoms = logits.shape
    action = np.array(data.draw(st.lists(st.integers(0, atoms - 1), min_size=rows, max_size=rows)))
    value, d_logits = c51_loss(logits, np.eye(atoms)[action])
    near(value, -categorical.log_prob(logits, action), 1e-15)
    near(d_logits, -categorical.score(logits, action), 1e-15)


# ---- refusals ----

NO = np.zeros(3, bool)


@pytest.mark.parametrize("ends", [(1.0, 1.0), (1.0, 0.0), (np.nan, 1.0), (0.0, np.inf), (-np.inf, 0.0)])
def test_a_support_of_no_width_or_of_no_end_is_refused(ends):
    for call in (
        lambda: support(*ends, 5, np.zeros(1)),
        lambda: categorical_mean(np.ones((3, 5)), *ends),
        lambda: distributional.c51_projection(np.ones((3, 5)), np.zeros(3), NO, NO, 0.9, *ends),
    ):
        with pytest.raises(ValueError, match="v_min: expected finite v_min < v_max"):
            call()


def test_fewer_than_two_atoms_are_refused():
    with pytest.raises(ValueError, match="atoms: expected at least 2, got 1"):
        support(0.0, 1.0, 1, np.zeros(1))
    with pytest.raises(ValueError, match="atoms: expected at least 2, got 1"):
        categorical_mean(np.ones((3, 1)), 0.0, 1.0)
    with pytest.raises(ValueError, match=r"probs: expected \(B, K ≥ 2\)"):
        distributional.c51_projection(np.ones((3, 1)), np.zeros(3), NO, NO, 0.9, 0.0, 1.0)


def test_wrong_shapes_and_flags_are_named():
    probs, reward = np.ones((3, 5)), np.zeros(3)
    for wrong in (probs[:2], probs[0], probs[None], probs[:, 0], probs[:, :, None], np.zeros((5, 3))):
        with pytest.raises(ValueError, match="probs: expected"):
            distributional.c51_projection(wrong, reward, NO, NO, 0.9, 0.0, 1.0)
    for name, flags in (("terminated", (reward, NO)), ("truncated", (NO, reward))):
        with pytest.raises(ValueError, match=f"{name}: expected booleans"):
            distributional.c51_projection(probs, reward, *flags, 0.9, 0.0, 1.0)
    with pytest.raises(ValueError, match="terminated: expected the shape of reward"):
        distributional.c51_projection(probs, reward, NO[:, None], NO, 0.9, 0.0, 1.0)
    with pytest.raises(ValueError, match=r"target_probs: expected \(3, 5\), the shape of logits, got \(3, 1\)"):
        c51_loss(probs, probs[:, :1])
