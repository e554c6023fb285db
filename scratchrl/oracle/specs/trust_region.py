"""Specs of natural gradients: the Fisher product, the solver, the length of the step, the line search."""

import numpy as np

from scratchrl.maths import categorical, curvature
from scratchrl.oracle.cases import linear_algebra as cases
from scratchrl.oracle.roles import Role, plain
from scratchrl.oracle.specification import Spec
from scratchrl.oracle.specs import curvature_identities
from scratchrl.oracle.specs.distributions import logit_roles

# ---- A x = b ----

MATRIX_WORDS = ("a", "mat", "h", "f", "fisher", "fisher_matrix", "hessian", "fim", "curvature", "hess")
PRODUCT_WORDS = (
    "matvec", "f_ax", "ax", "avp", "fvp", "hvp", "hx", "fvp_fn", "hvp_fn", "mvp", "a_fn", "matrix_vector_dot_fn",
    "matrix_vector_product", "f_avp", "fisher_vector_product", "a_product_func", "matvec_fn", "fvp_func", "linear_op",
    "hessian_vector_product", "a_dot", "avp_f", "fx", "fisher_matvec", "mat_vec", "hvp_func", "fmvp", "eval_a",
)  # fmt: skip


def lifted(matrix, like):
    """A matrix of floats in the number system of a vector."""
    return matrix + 0 * like[0]


def matrix_roles(name):
    """A symmetric matrix, or the function that multiplies by it."""

    def means(given):
        return {name: np.array(given["matvec"].rows)}

    return (
        plain(name, *MATRIX_WORDS, "matrix"),
        Role(
            "matvec", (*PRODUCT_WORDS, *MATRIX_WORDS, "matrix"), (name,), lambda case: cases.product(case[name]), means,
            excludes=(name,),
        ),
    )  # fmt: skip


RIGHT_SIDE = plain("b", "g", "rhs", "vector", "v", "grad", "gradient", "y", "b_vec", "bvec", "grads")
ITERATIONS = Role(
    "iterations", ("nsteps", "n_steps", "cg_iters", "max_iterations", "max_iter", "max_iters", "n_iters", "iters",
                   "num_iters", "maxiter", "nb_iters", "cg_iterations"),
    (), lambda case: 10, lambda given: {},
)  # fmt: skip


def eliminate(matrix, b):
    """x with A x = b, by elimination: a symmetric positive definite A needs no exchange of rows."""
    rows = np.concatenate([matrix, b[:, None]], axis=1)
    for i in range(len(b)):
        rows[i] = rows[i] / rows[i, i]
        for j in range(len(b)):
            if j != i:
                rows[j] = rows[j] - rows[j, i] * rows[i]
    return rows[:, -1]


def solve(matrix, b):
    """x with A x = b: x = H y with (H A H) y = H b, for the reflection H = I − 2 u uᵀ/uᵀu, u = (1, 2, …).

    Elimination alone would be bound to be right entry by entry where A is diagonal. Nobody who only multiplies by A can
    be: turned like this, the bound on its rounding is a bound on the length of the error.
    """
    u = lifted(1.0 + np.arange(len(b)), b)
    reflection = lifted(np.eye(len(b)), b) - 2 * u[:, None] * u / (u @ u)
    return reflection @ eliminate(reflection @ lifted(matrix, b) @ reflection, reflection @ b)


tame, stress, edges = cases.system_kinds()
CONJUGATE_GRADIENT = Spec(
    name="conjugate_gradient",
    formula="x = A⁻¹ b",
    source="Hestenes and Stiefel 1952",
    reference=solve,
    outputs=("solution",),
    tame=tame, stress=stress, edges=edges,
    roles=(*matrix_roles("matrix"), RIGHT_SIDE, ITERATIONS),
    identities=curvature_identities.OF_SOLVERS,
)  # fmt: skip

# ---- F v ----


def fisher_vector_product(logits, vector):
    """F v with F = (1/B) Σ_b (diag p_b − p_b p_bᵀ).

    One vector (A,): the rows of logits move together, and F v is (A,). A vector for each row (B, A): they move apart,
    F is block-diagonal with blocks of 1/B, and F v is (B, A).
    """
    rows = categorical.fisher_matvec(logits, vector) / len(logits)
    return rows.sum(axis=0) if vector.ndim == 1 else rows


def _vectors(case):
    return case["vector"] * (1.0 + np.arange(len(case["logits"])))[:, None]


VECTOR_WORDS = ("v", "x", "p", "vec", "tangent", "direction", "tangents", "d", "vectors")
VECTOR = plain("vector", *VECTOR_WORDS)
VECTORS = Role(
    "vectors", ("vector", *VECTOR_WORDS), ("vector",), _vectors, lambda given: {"vector": given["vectors"]},
    excludes=("vector",),
)  # fmt: skip

tame, stress, edges = cases.product_kinds()
FISHER_VECTOR_PRODUCT = Spec(
    name="fisher_vector_product",
    formula="F v = (1/B) Σ_b p_b ∘ (v − p_b·v)",
    source="Schulman et al. 2015, appendix C.1",
    reference=fisher_vector_product,
    outputs=("product",),
    tame=tame, stress=stress, edges=edges,
    roles=(*logit_roles()[:2], VECTOR, VECTORS),
    identities=curvature_identities.OF_FISHER,
)  # fmt: skip

# ---- how far ----

DELTA = plain(
    "delta", "max_kl", "kl_limit", "target_kl", "max_kl_step", "delta_kl", "kl_max", "epsilon", "kl_constraint",
    "step_size", "max_kl_div", "kl_bound", "trust_region", "kl_delta", "d_kl", "radius", "constraint", "damping_kl",
)  # fmt: skip
GRADIENT_WORDS = ("g", "grad", "grads", "policy_gradient", "loss_grad", "pg", "flat_grad", "b", "policy_grad")
DIRECTION = Role(
    "direction", ("s", "x", "stepdir", "search_dir", "step_dir", "natural_gradient", "nat_grad", "search_direction",
                  "step_direction", "cg_x", "npg"),
    ("gradient",), lambda case: case["gradient"], lambda given: {"gradient": _matrix(given) @ given["direction"]},
    excludes=("gradient",),
)  # fmt: skip


def _matrix(given):
    return given["fisher"] if "fisher" in given else np.array(given["matvec"].rows)


def trust_region_step(gradient, fisher, delta):
    """√(2δ / sᵀF s) s with F s = g."""
    direction = solve(fisher, gradient)
    return curvature.trust_region_step(direction, lambda v: fisher @ v, delta)


tame, stress, edges = cases.region_kinds()
TRUST_REGION_STEP = Spec(
    name="trust_region_step",
    formula="√(2δ / sᵀF s) s,  s = F⁻¹ g",
    source="Schulman et al. 2015, appendix C",
    reference=trust_region_step,
    outputs=("step",),
    tame=tame, stress=stress, edges=edges,
    roles=(plain("gradient", *GRADIENT_WORDS), DIRECTION, *matrix_roles("fisher"), DELTA),
    identities=curvature_identities.OF_STEPS,
)  # fmt: skip

THETA = plain("theta", "params", "x", "old_params", "theta_old", "parameters", "weights", "x0", "flat_params", "w")
STEP = plain("step", "fullstep", "full_step", "search_step", "step_vector", "direction", "descent_step", "full_update")
KL = plain("kl", "kl_fn", "get_kl", "kl_func", "mean_kl", "divergence", "compute_kl", "constraint_fn", "f_constraint")
OBJECTIVE = plain("objective", "surrogate", "surr", "surrogate_fn", "get_objective", "l", "j", "improvement_fn", "f")
LOSS = Role(
    "loss", ("loss_fn", "surrogate_loss", "surr_loss", "get_loss", "loss_func", "f", "compute_loss", "func", "f_loss"),
    ("objective",), lambda case: -case["objective"], lambda given: {"objective": -given["loss"]},
    "minus the objective, to be made small", excludes=("objective",),
)  # fmt: skip
EXPECTED = Role(
    "expected_improvement", ("expected_improve_rate", "expected_improve", "expected", "expected_improve_full"), (),
    lambda case: float(np.float32(np.dot(case["objective"].slope, case["step"]))), lambda given: {},
)  # fmt: skip
SHRINK = Role(
    "shrink", ("backtrack_coeff", "backtrack_ratio", "decay", "backtrack", "shrink_factor", "beta", "backtrack_coef",
               "line_search_shrinking_factor", "step_decay", "contraction", "alpha"),
    (), lambda case: 0.5, lambda given: {},
)  # fmt: skip
BACKTRACKS = Role(
    "max_backtracks", ("backtrack_iters", "max_backtrack", "max_iter", "max_iters", "n_backtracks", "steps", "n_steps",
                       "max_steps", "line_search_max_iter", "max_iterations"),
    (), lambda case: 10, lambda given: {},
)  # fmt: skip


def line_search(theta, step, objective, kl, delta):
    """The first θ + step/2ᵏ, k = 0 … 10, with a larger objective and KL ≤ δ; θ if there is none."""
    return curvature.line_search(theta, step, objective, kl, delta)[0]


tame, stress, edges = cases.climb_kinds()
LINE_SEARCH = Spec(
    name="line_search",
    formula="θ + step/2ᵏ, the least k ≤ 10 with J(θ′) > J(θ) and KL(θ′) ≤ δ; θ if there is none",
    source="Schulman et al. 2015, appendix C",
    reference=line_search,
    outputs=("theta",),
    tame=tame, stress=stress, edges=edges,
    roles=(THETA, STEP, OBJECTIVE, LOSS, KL, DELTA, EXPECTED, SHRINK, BACKTRACKS),
    identities=curvature_identities.OF_LINE_SEARCHES,
)  # fmt: skip
