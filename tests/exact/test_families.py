"""Families of policies: the products of the Jacobian between θ and probabilities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.exact import families
from scratchrl.exact.families import Family
from scratchrl.maths.policies import gaussian_policy, multi_categorical_policy
from scratchrl.oracle.differentiation import complex_step, dot_test, relative_error

RNG = np.random.default_rng(0)
FAMILIES = {
    "tabular": families.tabular(4, 3),
    "mlp": families.network(RNG.standard_normal((4, 2)), 3, (5,)),
    "aliased": families.network(np.array([[1.0], [1.0], [2.0], [2.0]]), 3, ()),
}
seeds = st.integers(0, 2**32 - 1)


def at(family, seed):
    return np.random.default_rng(seed).standard_normal(families.size(family))


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
@given(seed=seeds)
def test_jacobian_products(family, seed):
    theta, direction = at(family, seed), at(family, seed + 1)
    jacobian = complex_step(lambda x: families.table(family, x), theta)
    d_table = np.random.default_rng(seed).standard_normal((4, 3))
    pulled = families.pull_back(family, theta, d_table)
    assert relative_error(pulled, np.einsum("sa,sap->p", d_table, jacobian)) <= 1e-12
    assert relative_error(families.push_forward(family, theta, direction), jacobian @ direction) <= 1e-12
    jvp, vjp = (lambda v: families.push_forward(family, theta, v)), (lambda u: families.pull_back(family, theta, u))
    assert dot_test(jvp, vjp, direction, d_table) <= 1e-14


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
@given(seed=seeds)
def test_scores(family, seed):
    theta = at(family, seed)
    scores = families.scores(family, theta)
    assert relative_error(scores, complex_step(lambda x: np.log(families.table(family, x)), theta)) <= 1e-12
    np.testing.assert_allclose(np.einsum("sa,sap->sp", families.table(family, theta), scores), 0.0, atol=1e-14)


def test_states_that_look_the_same_are_treated_the_same():
    table = families.table(FAMILIES["aliased"], at(FAMILIES["aliased"], 3))
    np.testing.assert_array_equal(table[0], table[1])
    assert np.abs(table[0] - table[2]).max() > 0.01


@pytest.mark.parametrize("policy", [gaussian_policy(2, 3), multi_categorical_policy(2, (2, 2))])
def test_other_distributions_are_refused(policy):
    with pytest.raises(ValueError, match="family: expected a categorical policy"):
        families.logits(Family(policy, np.zeros((4, 2))), np.zeros(10))
