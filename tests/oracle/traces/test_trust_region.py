"""TRPO's stages on recordings of our own: right ones agree, and each way to get a step wrong is found in its stage."""

import numpy as np
import pytest

from scratchrl.maths import curvature
from scratchrl.oracle.trace import replay

KINDS = ("categorical", "gaussian")
STAGES = ["objective", "product", "direction", "step_size", "after/policy", "kl_after", "objective_after", "fraction"]
DAMPING, ITERATIONS, DELTA = 0.1, 20, 0.01


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("distribution", KINDS)
def test_a_right_recording_agrees(record_trpo, distribution, dtype):
    found = replay(record_trpo(distribution, dtype))
    assert found.agrees, str(found)
    assert not found.conventions
    assert not found.suspects
    assert {found.row(stage).verdict for stage in STAGES} == {"same"}
    assert found.row("gradient/policy/W1").verdict == "same"


# ---- conjugate gradient ----


SOLVERS = {
    "cg-downhill": lambda matvec, g: curvature.conjugate_gradient(matvec, -g, ITERATIONS)[0],
    "cg-not-used": lambda matvec, g: g,
    "cg-undamped": lambda matvec, g: curvature.conjugate_gradient(lambda v: matvec(v) - DAMPING * v, g, ITERATIONS)[0],
    "cg-fewer-iterations": lambda matvec, g: curvature.conjugate_gradient(matvec, g, 2)[0],
}


@pytest.mark.parametrize("slug", SOLVERS)
@pytest.mark.parametrize("distribution", KINDS)
def test_directions(record_trpo, distribution, slug):
    found = replay(record_trpo(distribution, np.float64, solve=SOLVERS[slug])).first_difference
    assert (found.stage, found.slugs) == ("direction", (slug,))


def test_an_absolute_tolerance_is_a_convention_of_most_programs(record_trpo):
    def solve(matvec, g):
        return curvature.conjugate_gradient(matvec, g, ITERATIONS, 1e-5 / np.linalg.norm(g))[0]

    found = replay(record_trpo("categorical", np.float64, solve=solve))
    assert found.agrees, str(found)
    assert found.conventions == ("cg-abs-tol",)


@pytest.mark.parametrize("distribution", KINDS)
def test_a_random_start_is_the_same_direction(record_trpo, distribution):
    """Some start from 1e-4 times noise instead of 0."""

    def solve(matvec, g):
        start = (1e-4 * np.random.default_rng(0).standard_normal(len(g))).astype(g.dtype)
        return start + curvature.conjugate_gradient(matvec, g - matvec(start), ITERATIONS)[0]

    assert replay(record_trpo(distribution, solve=solve)).row("direction").verdict == "same"


# ---- products ----


@pytest.mark.parametrize(("slug", "factor"), [("fvp-undamped", 1), ("fvp-sum", 48)])
def test_products(record_trpo, slug, factor):
    recording = record_trpo()
    for name in [name for name in recording if name.startswith("product/")]:
        vector = recording[name.replace("product", "vector")]
        fisher = recording[name] - np.float32(DAMPING) * vector
        recording[name] = factor * fisher + (DAMPING * vector if factor > 1 else 0 * vector).astype(np.float32)
    found = replay(recording).first_difference
    assert (found.stage, found.slugs) == ("product", (slug,))


# ---- lengths ----


def test_the_damped_length_is_a_convention(record_trpo):
    recording = record_trpo()
    direction, product = (
        np.concatenate([x.ravel() for name, x in recording.items() if name.startswith(f"{when}/policy")])
        for when in ("direction", "product")
    )
    recording["step_size"] = np.sqrt(2 * DELTA / (direction @ product))
    found = replay(recording).row("step_size")
    assert (found.verdict, found.slugs) == ("convention", ("trpo-damped-sHs",))


def test_half_the_trust_region(record_trpo):
    recording = record_trpo("gaussian")
    recording["step_size"] = recording["step_size"] / np.float32(np.sqrt(2))
    found = replay(recording).first_difference
    assert (found.stage, found.slugs) == ("step_size", ("trpo-step-half",))


# ---- line search ----


def greedy(theta, step, objective, kl):
    return theta + step, curvature.LineSearch(True, 1.0, objective(theta + step), kl(theta + step), 1)


def one_more(theta, step, objective, kl):
    """Shrinks once more than it has to."""
    _, report = curvature.line_search(theta, step, objective, kl, DELTA, 0.8, 9)
    fraction = 0.8 * report.fraction
    return theta + theta.dtype.type(fraction) * step, report._replace(fraction=fraction)


def ignored(theta, step, objective, kl):
    return theta + step, curvature.line_search(theta, step, objective, kl, DELTA, 0.8, 9)[1]


def long(s):
    """So long a step that the search has to shorten it."""
    return np.float32(2.0)


def test_a_search_that_shortens_agrees(record_trpo):
    recording = record_trpo(length=long)
    assert 0 < recording["fraction"] < 1
    found = replay(recording)
    assert {found.row(stage).verdict for stage in STAGES if stage != "step_size"} == {"same"}


@pytest.mark.parametrize(
    ("search", "stage", "slugs"),
    [
        (ignored, "after/policy", ("trpo-linesearch-ignored",)),
        (greedy, "fraction", ("ls-no-kl",)),
        (one_more, "fraction", ()),
    ],
)
def test_searches(record_trpo, search, stage, slugs):
    found = replay(record_trpo(length=long, search=search))
    row = next(row for row in found.rows if row.verdict != "same" and row.stage in STAGES and row.stage != "step_size")
    assert (row.stage, row.slugs) == (stage, slugs), str(found)


def test_a_failed_search_restores_the_weights(record_trpo):
    def fails(theta, step, objective, kl):
        return theta, curvature.LineSearch(False, 0.0, objective(theta), 0.0, 10)

    def keeps_the_last(theta, step, objective, kl):
        return theta + np.float32(0.8**9) * step, curvature.LineSearch(False, 0.0, objective(theta), 0.0, 10)

    def much_too_long(s):
        return np.float32(50.0)

    assert replay(record_trpo(length=much_too_long, search=fails)).row("fraction").verdict == "same"
    found = replay(record_trpo(length=much_too_long, search=keeps_the_last)).row("after/policy")
    assert (found.verdict, found.slugs) == ("differs", ("trpo-fail-keeps-last-trial",))


# ---- divergences ----


@pytest.mark.parametrize("distribution", KINDS)
def test_the_other_kl_is_a_convention_and_an_estimate_too(record_trpo, distribution):
    recording = record_trpo(distribution, np.float64)
    swapped = dict(recording)
    for part in [name.removeprefix("after/") for name in recording if name.startswith("after/")]:
        swapped[f"before/{part}"], swapped[f"after/{part}"] = recording[f"after/{part}"], recording[f"before/{part}"]
    other = replay(swapped | {"kl_after": np.float64(0)}).row("kl_after").judged.example.right
    found = replay(recording | {"kl_after": np.float64(other)}).row("kl_after")
    assert (found.verdict, found.slugs) == ("convention", ("kl-swapped-args",))


def test_a_wrong_kl_is_found(record_trpo):
    recording = record_trpo("gaussian")
    recording["kl_after"] = 2 * recording["kl_after"]
    assert replay(recording).first_difference.stage == "kl_after"


def test_the_surrogate_of_a_loss_has_the_other_sign(record_trpo):
    recording = record_trpo()
    recording["objective"] = -recording["objective"]
    found = replay(recording).first_difference
    assert (found.stage, found.slugs) == ("objective", ("objective-sign",))
