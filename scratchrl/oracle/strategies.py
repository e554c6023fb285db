"""Hypothesis strategies for what the functions of `maths` are applied to, named in the plural of what they draw.

Every number drawn is a float32, so the same example can be handed to float32, float64, complex128 and ball arithmetic
without rounding the input. Shapes are drawn too, unless they are given. Arguments are keyword-only plain values.

    arrays()          numbers in an interval                             (any shape)
    flags()           booleans                                           (any shape)
    logits()          rows of a categorical distribution                 (B, A)
    gaussians()       mean and log_std                                   (B, A), (A,) or (B, A)
    trajectories()    reward, value, next_value, flags, gamma, lam       (T,) or (T, N)
    samples()         log_prob, log_prob_old, advantage                  (B,)
    mlps()            a net, its parameters and a batch of inputs
    policies()        one of the four kinds, its parameters, observations and actions
"""

import math
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from scratchrl.maths import mlp
from scratchrl.maths import policies as kinds
from scratchrl.maths.mlp import MLP
from scratchrl.maths.policies import Policy


class Gaussian(NamedTuple):
    """The arguments of the functions in `maths.gaussian`."""

    mean: np.ndarray  # (B, A)
    log_std: np.ndarray  # (A,) or (B, A)


class Trajectory(NamedTuple):
    """The arguments of `maths.returns.gae`, in its order."""

    reward: np.ndarray  # (T,) or (T, N)
    value: np.ndarray
    next_value: np.ndarray
    terminated: np.ndarray  # bool
    truncated: np.ndarray  # bool
    gamma: float
    lam: float


class Samples(NamedTuple):
    """The arguments of the objectives, (B,) each."""

    log_prob: np.ndarray
    log_prob_old: np.ndarray
    advantage: np.ndarray


class Network(NamedTuple):
    """The arguments of `maths.mlp.forward`."""

    net: MLP
    theta: np.ndarray  # (size,)
    x: np.ndarray  # (B, I)


class Situation(NamedTuple):
    """A policy, where it stands, what it saw and what it did."""

    policy: Policy
    theta: np.ndarray  # (size,)
    obs: np.ndarray  # (B, O)
    action: np.ndarray  # (B,), (B, K) or (B, A)


def arrays(shape: int | tuple[int, ...], *, low: float = -5.0, high: float = 5.0):
    """float64 arrays of one shape with float32 entries in [low, high] around 0, of 15 random bits and a sign.

    A whole array is one draw of bytes, and zero bytes are zeros: much faster than drawing single numbers, and
    examples still shrink to arrays of zeros and few round numbers.
    """
    size = math.prod(shape) if isinstance(shape, tuple) else shape

    def numbers(drawn: bytes) -> np.ndarray:
        fraction = np.frombuffer(drawn, ">i2").reshape(shape) / 2.0**15
        return np.where(fraction < 0, -low * fraction, high * fraction).astype(np.float32).astype(np.float64)

    return st.binary(min_size=2 * size, max_size=2 * size).map(numbers)


def flags(shape: tuple[int, ...]):
    """Boolean arrays of one shape, a bit an entry, False the simpler value."""
    size = math.prod(shape)
    bits = st.integers(0, 2**size - 1)
    return bits.map(lambda word: np.array([word >> i & 1 for i in range(size)], bool).reshape(shape))


@st.composite
def logits(draw, *, rows: int | None = None, actions: int | None = None, bound: float = 8.0):
    """Logits (B, A), B from 1 to 4 and A from 1 to 5 unless given, entries in ±bound."""
    rows = rows or draw(st.integers(1, 4))
    return draw(arrays((rows, actions or draw(st.integers(1, 5))), low=-bound, high=bound))


@st.composite
def gaussians(draw, *, rows: int | None = None, actions: int | None = None, shared: bool | None = None):
    """A mean (B, A) in ±5 and a log_std in ±2, shared by the rows (A,) or not (B, A)."""
    shape = rows or draw(st.integers(1, 4)), actions or draw(st.integers(1, 4))
    shared = draw(st.booleans()) if shared is None else shared
    return Gaussian(draw(arrays(shape)), draw(arrays(shape[1:] if shared else shape, low=-2.0, high=2.0)))


@st.composite
def trajectories(draw, *, steps: int | None = None, streams: int | None = None, rollout: bool = False):
    """T from 1 to 8 rows of N from 1 to 3 streams, or of one without an axis (streams=0), with any flags at all.

    rollout: next_value[t] = value[t+1] wherever the trace goes on, as on data that somebody collected.
    """
    steps = steps or draw(st.integers(1, 8))
    streams = draw(st.integers(0, 3)) if streams is None else streams
    shape = (steps, streams) if streams else (steps,)
    reward, value, next_value = (draw(arrays(shape)) for _ in range(3))
    terminated, truncated = (draw(flags(shape)) for _ in range(2))
    if rollout:
        goes_on = ~(terminated | truncated)[:-1]
        next_value[:-1] = np.where(goes_on, value[1:], next_value[:-1])
    gamma, lam = (draw(st.floats(0, 1, width=32)) for _ in range(2))
    return Trajectory(reward, value, next_value, terminated, truncated, gamma, lam)


@st.composite
def samples(draw, *, rows: int | None = None):
    """Log-probabilities in [−4, 2] under two policies (densities may exceed 1) and advantages in ±5, B from 1 to 6."""
    rows = rows or draw(st.integers(1, 6))
    log_prob, log_prob_old = (draw(arrays(rows, low=-4.0, high=2.0)) for _ in range(2))
    return Samples(log_prob, log_prob_old, draw(arrays(rows)))


def _normal(draw, shape):
    """Standard normal numbers from a drawn seed: Hypothesis would take seconds to choose a network's weights singly."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return rng.standard_normal(shape).astype(np.float32).astype(np.float64)


@st.composite
def mlps(draw, *, depth: int | None = None, activation: str | None = None):
    """A net of 1 to 4 layers up to 4 wide with N(0, 1) parameters, and 1 to 4 rows of N(0, 1) inputs."""
    depth = depth or draw(st.integers(1, 4))
    sizes = tuple(draw(st.integers(1, 4)) for _ in range(depth + 1))
    net = MLP(sizes, activation or draw(st.sampled_from(sorted(mlp.ACTIVATIONS))))
    return Network(net, _normal(draw, mlp.size(net)), _normal(draw, (draw(st.integers(1, 4)), sizes[0])))


KINDS = ("categorical", "multi_categorical", "gaussian", "state_dependent_gaussian")


@st.composite
def policies(draw, *, kind: str | None = None, activation: str | None = None):
    """One of the four kinds of policy with N(0, ½²) parameters, 1 to 4 observations, and actions drawn from it."""
    kind = kind or draw(st.sampled_from(KINDS))
    observation, hidden = draw(st.integers(1, 3)), tuple(draw(st.lists(st.integers(1, 4), max_size=2)))
    sizes = st.lists(st.integers(1, 3), min_size=1, max_size=3).map(tuple)
    actions = draw(sizes if kind == "multi_categorical" else st.integers(1, 3))
    activation = activation or draw(st.sampled_from(sorted(mlp.ACTIVATIONS)))
    policy = getattr(kinds, f"{kind}_policy")(observation, actions, hidden, activation)
    theta = _normal(draw, kinds.size(policy)) / 2
    obs = _normal(draw, (draw(st.integers(1, 4)), observation))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return Situation(policy, theta, obs, kinds.sample(policy, theta, obs, rng))
