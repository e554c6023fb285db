"""verify: everything passes, no derivative is left out, and none can be wrong without its row failing."""

import ast
import inspect
import pkgutil
import re

import numpy as np
import pytest

from scratchrl import maths
from scratchrl.oracle import verify
from scratchrl.oracle.checks import Check, Row

IS_DERIVATIVE = re.compile(r"^(score|weighted_score|.*_grad|vjp.*|jvp.*|.*matvec|.*_vector_product)$")
RETURNS_DERIVATIVE = re.compile(r"Returns:\s+\(value, d_|Returns:\s+\w+, d_|and its derivative")
ABOUT = {check.function for check in verify.checks()}


def public_functions():
    """(module name, function name, docstring) of everything public in maths/, by reading the source."""
    for info in pkgutil.iter_modules(maths.__path__):
        module = __import__(f"scratchrl.maths.{info.name}", fromlist=["_"])
        for node in ast.parse(inspect.getsource(module)).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                yield info.name, node.name, ast.get_docstring(node) or ""


def derivatives():
    """The functions that are derivatives by their name, or return one by their docstring."""
    for module, name, doc in public_functions():
        if IS_DERIVATIVE.match(name) or RETURNS_DERIVATIVE.search(doc):
            yield f"{module}.{name}"


DERIVATIVES = sorted(derivatives())


def test_everything_passes():
    rows = verify.run(seed=0)
    assert verify.passed(rows), verify.table(rows)
    assert len(rows) == len(verify.checks())


def test_the_search_for_derivatives_finds_those_it_must():
    expected = {"mlp.vjp", "categorical.score", "objectives.ppo_clip", "values.mse", "critic.loss_and_grad"}
    assert expected <= set(DERIVATIVES)


@pytest.mark.parametrize("name", DERIVATIVES)
def test_every_derivative_is_covered(name):
    assert name in ABOUT


def test_every_kernel_is_covered():
    definitions = [name for _, name, _ in public_functions() if name.endswith("_py")]
    assert {f"kernels.{name.removesuffix('_py')}" for name in definitions} <= ABOUT


SINGLE_PRECISION = {"fused.ppo_clip"}  # computed in float32, so an error of 1e-9 could not be seen


def slightly_wrong(function, is_derivative, excess):
    """The function with its derivatives too large by a factor 1 + excess, its values untouched."""

    def wrong(*args, **kwargs):
        result = function(*args, **kwargs)
        if not isinstance(result, tuple):
            return result * (1 + excess)
        return tuple(part * (1 + excess) if i or is_derivative else part for i, part in enumerate(result))

    return wrong


@pytest.mark.parametrize("name", DERIVATIVES)
def test_a_derivative_that_is_slightly_off_fails_its_row(name, monkeypatch):
    module_name, function_name = name.split(".")
    module = __import__(f"scratchrl.maths.{module_name}", fromlist=["_"])
    is_derivative = bool(IS_DERIVATIVE.match(function_name)) and not function_name.endswith("loss_and_grad")
    excess = 1e-3 if name in SINGLE_PRECISION else 1e-9
    wrong = slightly_wrong(getattr(module, function_name), is_derivative, excess)
    monkeypatch.setattr(module, function_name, wrong)
    rows = [verify.measure(check, seed=0, cases=2) for check in verify.checks() if check.function == name]
    assert not verify.passed(rows)


def test_an_episode_that_leaks_fails_its_row(monkeypatch):
    from scratchrl.maths import returns

    gae = returns.gae
    monkeypatch.setattr(returns, "gae", lambda r, v, w, d, c, *rest: gae(r, v, w, d, np.zeros_like(c), *rest))
    rows = [verify.measure(check, seed=0) for check in verify.checks() if "leak" in check.claim]
    assert [row.function for row in rows if not verify.passed([row])] == ["returns.gae"]


def test_nan_never_passes_and_one_bad_case_is_enough():
    cases = iter([0.0, float("nan"), 0.0])
    row = verify.measure(Check("f", "claim", 1.0, lambda rng: next(cases)), seed=0, cases=3)
    assert not verify.passed([row])
    cases = iter([0.0, 2.0, 0.0])
    assert verify.measure(Check("f", "claim", 1.0, lambda rng: next(cases)), seed=0, cases=3).worst == 2.0


def test_the_table_marks_what_failed():
    text = verify.table([Row("f", "claim", 2.0, 1.0, 3), Row("g", "claim", 0.5, 1.0, 3)])
    first, second = text.splitlines()[1:3]
    assert first.endswith("FAILED")
    assert not second.endswith("FAILED")
    assert text.endswith("1 of 2 checks passed")


def test_the_same_seed_draws_the_same_cases():
    check = Check("f", "claim", 1.0, lambda rng: rng.random())
    assert verify.measure(check, seed=3) == verify.measure(check, seed=3) != verify.measure(check, seed=4)
