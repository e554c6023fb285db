"""Equations that solvers, Fisher products, steps and line searches obey: gaps that are 0 for the right f."""

import numpy as np

from scratchrl.oracle.specification import Identity


def residual(f, matrix, b):
    """A f(A, b) − b."""
    return matrix @ f(matrix=matrix, b=b) - b


def twice_the_right_side(f, matrix, b):
    """f(A, 2b) − 2 f(A, b)."""
    return f(matrix=matrix, b=2 * b) - 2 * f(matrix=matrix, b=b)


OF_SOLVERS = (
    Identity("A x = b", residual),
    Identity("twice the right-hand side has twice the solution", twice_the_right_side),
)


def other(vector):
    """Another vector of the same shape."""
    return 1 + np.arange(vector.size).reshape(vector.shape) + 0 * vector


def dot(u, v):
    """u·v, for one vector or one for each row."""
    return (u * v).sum()


def symmetry(f, logits, vector):
    """u·F v − v·F u."""
    u = other(vector)
    return dot(u, f(logits=logits, vector=vector)) - dot(vector, f(logits=logits, vector=u))


def linearity(f, logits, vector):
    """F(v + 2u) − F v − 2 F u."""
    u = other(vector)
    sum_of_both = f(logits=logits, vector=vector + 2 * u)
    return sum_of_both - f(logits=logits, vector=vector) - 2 * f(logits=logits, vector=u)


def shifts_change_no_policy(f, logits, vector):
    """F 1."""
    return f(logits=logits, vector=1 + 0 * vector)


def positivity(f, logits, vector):
    """By how much v·F v is below 0."""
    return np.maximum(0, -dot(vector, f(logits=logits, vector=vector)))


def every_row_twice(f, logits, vector):
    """F of every row twice − F."""
    twice = np.concatenate([vector, vector]) if vector.ndim == 2 else vector
    product = f(logits=np.concatenate([logits, logits]), vector=twice)
    size = len(logits)
    return (product[:size] + product[size:] if vector.ndim == 2 else product) - f(logits=logits, vector=vector)


OF_FISHER = (
    Identity("F is symmetric", symmetry),
    Identity("F is linear", linearity),
    Identity("F 1 = 0: a constant in the logits changes no policy", shifts_change_no_policy),
    Identity("v·F v is not negative", positivity),
    Identity("every row twice gives the same mean", every_row_twice),
)


def on_the_edge(f, gradient, fisher, delta):
    """½ stepᵀF step − δ."""
    step = f(gradient=gradient, fisher=fisher, delta=delta)
    return step @ (fisher @ step) / 2 - delta


def twice_the_gradient(f, gradient, fisher, delta):
    """f(2g) − f(g)."""
    return f(gradient=2 * gradient, fisher=fisher, delta=delta) - f(gradient=gradient, fisher=fisher, delta=delta)


def four_times_the_radius(f, gradient, fisher, delta):
    """f(4δ) − 2 f(δ)."""
    return f(gradient=gradient, fisher=fisher, delta=4 * delta) - 2 * f(gradient=gradient, fisher=fisher, delta=delta)


def other_coordinates(f, gradient, fisher, delta):
    """M f(Mg, M F M) − f(g, F) for M = diag(1, 2, 4, …)."""
    m = 2.0 ** np.arange(len(gradient))
    step = f(gradient=m * gradient, fisher=m[:, None] * fisher * m, delta=delta)
    return m * step - f(gradient=gradient, fisher=fisher, delta=delta)


def uphill(f, gradient, fisher, delta):
    """By how much g·step is below 0."""
    return np.maximum(0, -(gradient @ f(gradient=gradient, fisher=fisher, delta=delta)))


OF_STEPS = (
    Identity("½ stepᵀF step = δ", on_the_edge),
    Identity("twice the gradient takes the same step", twice_the_gradient),
    Identity("four times the radius takes twice the step", four_times_the_radius),
    Identity("other coordinates take the same step", other_coordinates),
    Identity("the step goes uphill", uphill),
)


def never_worse(f, theta, objective, **case):
    """By how much the objective fell."""
    return np.maximum(0, objective(theta) - objective(f(theta=theta, objective=objective, **case)))


def never_too_far(f, kl, delta, **case):
    """By how much the KL is above δ."""
    return np.maximum(0, kl(f(kl=kl, delta=delta, **case)) - delta)


OF_LINE_SEARCHES = (
    Identity("the objective never falls", never_worse),
    Identity("the KL is never above δ", never_too_far),
)
