"""How signatures are read."""

import numpy as np
import pytest

from scratchrl.oracle import specs
from scratchrl.oracle.roles import Role, UnknownParameter, bindings, plain

X, Y = plain("x", "xs", "shared"), plain("y", "ys", "shared", flags=True)
TWICE = Role("twice_x", ("xs",), ("x",), lambda c: 2 * c["x"], lambda g: {"x": g["twice_x"] / 2}, note="doubled")
ROLES = (X, Y, TWICE)


def read(subject, **declared):
    return list(bindings(subject, ROLES, ("x",), declared))


def names(binding):
    return {parameter: role.name for parameter, role in binding.roles}


def test_names_and_aliases_are_read_in_order_of_preference():
    assert [names(found) for found in read(lambda xs, ys: 0)] == [
        {"xs": "x", "ys": "y"}, {"xs": "twice_x", "ys": "y"},
    ]  # fmt: skip
    assert [names(found) for found in read(lambda X_: 0)] == [{"X_": "x"}]


def test_two_parameters_never_get_one_role():
    found = [names(binding) for binding in read(lambda x, shared: 0)]
    assert found == [{"x": "x", "shared": "y"}]


def test_declared_roles_overrule_names():
    assert [names(found) for found in read(lambda ys: 0, ys="x")] == [{"ys": "x"}]


def test_of_two_parameters_for_one_role_the_one_with_a_default_keeps_it():
    def subject(ratio, adv, clip_range, eps=1e-8):
        raise NotImplementedError

    spec = specs.get("ppo_clip_loss")
    (binding,) = bindings(subject, spec.roles, spec.required, {})
    assert [(name, role.name) for name, role in binding.roles] == [
        ("ratio", "ratio"), ("adv", "advantage"), ("clip_range", "clip")
    ]  # fmt: skip


def test_unknown_parameters_with_defaults_are_left_alone():
    assert [names(found) for found in read(lambda x, verbose=True: 0)] == [{"x": "x"}]


@pytest.mark.parametrize(
    ("subject", "declared", "message"),
    [
        (lambda x, other: 0, {}, "unknown to this spec: 'other';.* --role other=ROLE, roles: x, y, twice_x"),
        (lambda one, x, two, three=3: 0, {}, "'one', 'two';.* --role one=ROLE --role two=ROLE, roles: "),
        (lambda one, x, two: 0, {"two": "y"}, "spec: 'one';"),
        (lambda y: 0, {}, r"\(y\) do not determine x"),
        (lambda x: 0, {"x": "z"}, "x='z' is not a role"),
        (lambda x: 0, {"z": "x"}, "no parameter 'z'; it has x"),
    ],
)
def test_what_cannot_be_read_is_said(subject, declared, message):
    with pytest.raises(UnknownParameter, match=message):
        read(subject, **declared)


def test_conventions_are_roles_with_a_note():
    plainly, doubled = read(lambda xs: 0)
    assert plainly.conventions() == ()
    assert doubled.conventions() == ("xs = twice_x: doubled",)
    assert doubled.means(doubled.give({"x": 3.0}), {"y": lambda case: case["x"] + 1}) == {"x": 3.0, "y": 4.0}


@pytest.mark.parametrize("name", specs.every())
def test_every_role_of_every_spec_is_sound(name):
    """No role is missing from the way back, and none but canonical arguments come out of it.

    Roles of one name are readings of one form: a user's --role leaves the choice between them to the oracle.
    """
    spec = specs.get(name)
    for role in spec.roles:
        assert set(role.determines) <= set(spec.required) | set(spec.absent), role.name
        assert all(alias == alias.lower() for alias in role.aliases), role.name


def test_positional_only_parameters_are_given_by_position():
    def subject(x, /):
        return x

    (found,) = read(subject)
    assert found.positional == ("x",)
    assert np.isscalar(found.give({"x": 1.0})["x"])
