"""Cases of curvature: small symmetric positive definite matrices, vectors, and functions of parameters to climb."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from scratchrl.oracle.cases.tables import number, table

SIZES = st.integers(2, 3)
RADII = st.sampled_from((0.5, 0.125, 0.03125, float(np.float32(0.01))))


@dataclass(frozen=True)
class Product:
    """v -> A v, for programs that never see the matrix."""

    rows: tuple[tuple[float, ...], ...]

    def __call__(self, v):
        """A v, of v's dtype."""
        v = np.asarray(v)
        return np.array(self.rows, dtype=v.dtype) @ v


@dataclass(frozen=True)
class Quadratic:
    """x -> Σ (x − at)(slope + ½ bend (x − at)): an objective or a divergence of parameters."""

    at: tuple[float, ...]
    slope: tuple[float, ...]
    bend: tuple[float, ...]

    def __call__(self, x):
        """One number, of x's dtype."""
        x = np.asarray(x)
        at, slope, bend = (np.array(each, dtype=x.dtype) for each in (self.at, self.slope, self.bend))
        away = x - at
        return (away * (slope + bend * away / 2)).sum()

    def __neg__(self):
        return Quadratic(self.at, tuple(-x for x in self.slope), tuple(-x for x in self.bend))


def product(matrix):
    """The matrix as a function."""
    return Product(tuple(map(tuple, matrix.tolist())))


# ---- matrices ----


def quarters(low, high):
    """Multiples of ¼."""
    return st.integers(round(4 * low), round(4 * high)).map(lambda k: k / 4)


@st.composite
def definite(draw, size, off=0.75, scale=1.0):
    """A of eigenvalues ½ to 5½, diagonal 2 to 4; with a scale s, S A S with S = diag(1, s, s²)."""
    n = draw(size)
    matrix = np.diag(draw(st.lists(quarters(2, 4), min_size=n, max_size=n)))
    below = draw(st.lists(quarters(-off, off), min_size=n * (n - 1) // 2, max_size=n * (n - 1) // 2))
    matrix[np.tril_indices(n, -1)] = below
    scales = scale ** np.arange(n)
    return scales[:, None] * (matrix + np.tril(matrix, -1).T) * scales


@st.composite
def systems(draw, vector="b", size=SIZES, off=0.75, scale=1.0, bound=4.0, matrix="matrix"):
    """A symmetric positive definite matrix and a vector that is not 0."""
    drawn = draw(definite(size, off, scale))
    numbers = st.lists(number(bound), min_size=len(drawn), max_size=len(drawn))
    return {matrix: drawn, vector: np.array(draw(numbers.filter(any)))}


def system_kinds():
    """(tame, stress, edges) of a solver."""
    tame = {"ordinary systems": systems()}
    stress = {
        "b of length 1e-5": systems(bound=2.0**-17),
        "b of length 1e-6": systems(bound=2.0**-20),
        "b of length 1e-9": systems(bound=2.0**-30),
        "b up to 16384": systems(bound=2.0**14),
        "b = 0": systems().map(lambda case: case | {"b": 0 * case["b"]}),
        "a condition of 1000": systems(scale=0.0625, size=st.just(2)),
    }
    edges = {
        "one dimension": systems(size=st.just(1)),
        "b an eigenvector": systems(off=0.0).map(lambda case: case | {"b": case["b"] * _first(case["b"])}),
    }
    return tame, stress, edges


def _first(vector):
    """1 at the first entry that is not 0."""
    return (np.arange(len(vector)) == np.flatnonzero(vector)[0]).astype(float)


@st.composite
def products(draw, rows=(1, 3), width=(2, 3), bound=2.0):
    """Rows of logits (B, A) and one vector (A,)."""
    case = draw(table({"logits": number(bound)}, rows, width))
    actions = case["logits"].shape[1]
    return case | {"vector": np.array(draw(st.lists(number(2.0), min_size=actions, max_size=actions)))}


def product_kinds():
    """(tame, stress, edges) of the Fisher product."""
    same = products(rows=1).map(lambda case: case | {"vector": 0 * case["vector"] + case["vector"][0]})
    return (
        {"ordinary logits": products()},
        {"logits up to 1000": products(bound=1024.0)},
        {"one row": products(rows=1), "two actions": products(width=(2, 2)), "a vector of equal entries": same},
    )


def regions(**options):
    """A gradient that is not 0, a Fisher matrix and a radius."""
    both = systems("gradient", matrix="fisher", **options)
    return st.builds(lambda case, delta: case | {"delta": delta}, both, RADII)


def region_kinds():
    """(tame, stress, edges) of the step of a trust region."""
    tame = {"ordinary gradients": regions()}
    stress = {
        "gradients of length 1e-6": regions(bound=2.0**-20),
        "gradients up to 16384": regions(bound=2.0**14),
        "a condition of 1000": regions(scale=0.0625, size=st.just(2)),
    }
    return tame, stress, {"one parameter": regions(size=st.just(1)), "a diagonal matrix": regions(off=0.0)}


# ---- functions to climb ----

HALVINGS = 6  # after so many, at the latest, a step of a case is accepted, or it never is


@st.composite
def climbs(draw, size=SIZES, uphill=True, origin=4.0, scale=1.0):
    """θ, a step, an objective and a KL that are quadratic around θ, and δ.

    Never a tie: a program that asks for < and one that asks for ≤ are both right.
    """
    n = draw(size)
    columns = {"theta": number(origin), "step": number(4.0), "slope": number(4.0), "bend": number(4.0)}
    case = draw(table(columns | {"curvature": st.integers(1, 16).map(lambda k: k / 4)}, n).filter(_moves))
    slope = case["slope"] * np.where((case["slope"] * case["step"] > 0) == uphill, 1, -1)
    at = tuple(case["theta"].tolist())
    found = {
        "theta": case["theta"],
        "step": case["step"] * scale,
        "objective": Quadratic(at, tuple((slope / scale).tolist()), tuple((-abs(case["bend"]) / scale**2).tolist())),
        "kl": Quadratic(at, (0.0,) * n, tuple((case["curvature"] / scale**2).tolist())),
        "delta": draw(RADII),
    }
    return found


def _moves(case):
    return bool(np.all(case["slope"] * case["step"] != 0))


def climb_kinds():
    """(tame, stress, edges) of a line search."""
    tame = {"uphill": _clear(climbs()), "downhill": climbs(uphill=False)}
    stress = {"parameters near 4096": _clear(climbs(origin=4096.0))}
    return tame, stress, {"one parameter": _clear(climbs(size=st.just(1)))}


def _clear(strategy):
    return strategy.filter(_is_clear)


def _is_clear(case):
    """Whether a candidate is accepted in time, and none by a hair."""
    gains, costs = [], []
    for k in range(HALVINGS + 1):
        candidate = case["theta"] + case["step"] / 2**k
        gains.append(case["objective"](candidate))
        costs.append(case["kl"](candidate) - case["delta"])
    accepted = [gain > 0 > cost for gain, cost in zip(gains, costs, strict=True)]
    return any(accepted) and 0 not in gains and 0 not in costs
