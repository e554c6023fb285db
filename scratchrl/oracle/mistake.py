"""A mistake is a value: a function with the arguments of the reference that computes what the mistake computes.

Written as a function of the right function, so that two mistakes can be made at once:

    @mistake("gae-trunc-as-terminal", "gae", BUG, "Toni-SM/skrl#449")
    def truncation_as_termination(gae, reward, value, next_value, terminated, truncated, gamma, lam):
        \"\"\"term := term ∨ trunc

        A time limit stops the bootstrap: states near it are undervalued.
        \"\"\"
        return gae(reward, value, next_value, terminated | truncated, truncated, gamma, lam)

The first line of the docstring is the formula, the rest how it differs from the right one.
"""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

BUG, CONVENTION, EITHER = "bug", "convention", "either"  # either: a convention that is a bug where it is not declared


class Mistake(NamedTuple):
    """A known mistake or convention of one spec."""

    slug: str
    against: str  # the spec
    kind: str  # bug, convention or either
    evidence: tuple[str, ...]  # repo#issue or repo@commit; empty: told, never pinned down
    formula: str
    difference: str
    inside: Callable[..., Any]  # (reference, **canonical arguments) -> outputs like the reference's
    variant: Mapping[str, Any] = {}  # settings of this variant, such as its ε
    equivalent: str = ""  # the proof, if no input can tell it from the reference

    def subject(self, reference: Callable[..., Any]) -> Callable[..., Any]:
        """A function with the arguments of the reference that makes this mistake: what the oracle has to recognise."""
        wrong = self.around(reference)

        def subject(**case: Any) -> Any:
            return wrong(**case)

        subject.__signature__ = inspect.signature(reference)  # type: ignore[attr-defined]
        subject.__qualname__ = self.slug
        return subject

    def around(self, reference: Callable[..., Any]) -> Callable[..., Any]:
        """The reference with this mistake in it; a reference with another mistake in it gets both."""
        return partial(self.inside, reference, **self.variant)


def mistake(
    slug: str,
    against: str | tuple[str, ...],
    kind: str,
    *evidence: str,
    variants: tuple[Mapping[str, Any], ...] = ({},),
    equivalent: str = "",
) -> Callable[[Callable[..., Any]], tuple[Mistake, ...]]:
    """Decorator: the function below it, with its docstring, as a `Mistake` for each spec and variant."""
    specs = (against,) if isinstance(against, str) else against

    def catalogued(function: Callable[..., Any]) -> tuple[Mistake, ...]:
        formula, _, difference = inspect.cleandoc(function.__doc__ or "").partition("\n")
        words = " ".join(difference.split())
        return tuple(
            Mistake(slug, spec, kind, evidence, formula, words, function, variant, equivalent)
            for spec in specs
            for variant in variants
        )

    return catalogued
