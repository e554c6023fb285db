"""Roles: how outsiders name and shape the arguments of the same function.

A spec has canonical arguments (`reward`, `terminated`, …). A subject has parameters of its own (`rews`, `dones`,
`values` of length T+1, `std` instead of `log_std`). A `Role` is what stands between: what a parameter of that kind is
given, made from a canonical case, and back, what that says about the canonical arguments. The way back is NumPy algebra
and runs on balls, so that the truth is the truth about the very numbers the subject was handed.
"""

import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from scratchrl.oracle.suggestions import instead

Case = dict[str, Any]


class Role(NamedTuple):
    """One way to hand over part of a case.

    name: of the role, as in --role PARAMETER=NAME.
    aliases: parameter names, lower case, that mean it.
    determines: the canonical arguments that it says something about.
    give: canonical case -> what the subject gets (float32 numbers, so that every framework gets them unrounded).
    means: everything given, by role name -> those canonical arguments.
    note: what makes it a convention of its own, in words; empty where it is another name for the same thing.
    excludes: roles that cannot stand beside it, because they say the same; needs: roles without which it says nothing.
    flags: it hands over truth values, which some subjects want as 0.0 and 1.0.
    pull: (given, derivative by the canonical argument) -> derivative by what was given.
    make: what is given, in the subject's framework -> what it is handed, made anew for every call: things with a state.
    """

    name: str
    aliases: tuple[str, ...]
    determines: tuple[str, ...]
    give: Callable[[Case], Any]
    means: Callable[[Case], Case]
    note: str = ""
    excludes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    flags: bool = False
    pull: Callable[[Case, Any], Any] | None = None
    make: Callable[[Any], Any] | None = None


def plain(name: str, *aliases: str, excludes: tuple[str, ...] = (), flags: bool = False) -> Role:
    """The canonical argument itself, under its own name and its aliases.

    >>> plain("reward", "rews").means({"reward": 1.0})
    {'reward': 1.0}
    """
    return Role(
        name, aliases, (name,), lambda case: case[name], lambda given: {name: given[name]}, "", excludes, flags=flags
    )


class Binding(NamedTuple):
    """What each parameter of a subject is taken to be."""

    roles: tuple[tuple[str, Role], ...]  # (parameter, role), in the order of the signature
    positional: tuple[str, ...]  # parameters that have to be given by position

    def give(self, case: Case) -> Case:
        """The case in the subject's words, by role name."""
        return {role.name: role.give(case) for _, role in self.roles}

    def means(self, given: Case, absent: Mapping[str, Callable[[Case], Any]]) -> Case:
        """The canonical arguments again; what no role determines is what the spec says for its absence."""
        canonical: Case = {}
        for _, role in self.roles:
            canonical.update(role.means(given))
        for name, default in absent.items():
            if name not in canonical:
                canonical[name] = default(canonical)
        return canonical

    def conventions(self) -> tuple[str, ...]:
        """In words, one line for every role that is not just another name."""
        return tuple(f"{parameter} = {role.name}: {role.note}" for parameter, role in self.roles if role.note)


class UnknownParameter(ValueError):
    """The subject's signature cannot be read: the message says which parameter and what the choices are."""


def bindings(
    subject: Callable[..., Any], roles: Sequence[Role], required: Sequence[str], declared: Mapping[str, str]
) -> Iterator[Binding]:
    """Every reading of a subject's signature under which the roles determine all required arguments, likeliest first.

    Args:
      subject: read by `inspect.signature`; parameters with defaults and no known name keep their defaults, and so do
        those of known names where there is no other reading (a `clip_range` and an `eps=1e-8` beside it).
      roles: of the spec, in order of preference among those that share an alias.
      required: canonical arguments that must be determined.
      declared: parameter -> role name, by the user.
    Raises:
      UnknownParameter: naming the parameter, or what is missing.
    """
    known = [(found, _candidates(found, roles, declared)) for found in _parameters(subject, declared)]
    _require_known([found for found, candidates in known if not candidates and found.default is found.empty], roles)
    every = {found.name: candidates for found, candidates in known if candidates}
    defaulted = {found.name for found, _ in known if found.default is not found.empty} - set(declared)
    fewer = {name: [*found, None] if name in defaulted else found for name, found in every.items()}
    readable = _readable(every, required) or _readable(fewer, required)
    if not readable:
        have = ", ".join(every) or "none"
        raise UnknownParameter(
            f"the parameters that could be read ({have}) do not determine {', '.join(required)}; "
            f"say what they are with roles={{parameter: role}} or --role PARAMETER=ROLE, roles: {_names(roles)}"
        )
    positional = _positional_only(subject)
    yield from (Binding(combination, positional) for combination in readable)


def _readable(
    choices: Mapping[str, Sequence[Role | None]], required: Sequence[str]
) -> list[tuple[tuple[str, Role], ...]]:
    """Each consistent choice of one role for every parameter; a parameter whose role is None is left out."""
    found = []
    for combination in itertools.product(*choices.values()):
        pairs = tuple((name, role) for name, role in zip(choices, combination, strict=True) if role is not None)
        if _consistent([role for _, role in pairs], required):
            found.append(pairs)
    return found


def _parameters(subject: Callable[..., Any], declared: Mapping[str, str]) -> list[inspect.Parameter]:
    parameters = inspect.signature(subject).parameters
    for name in declared:
        if name not in parameters:
            question = instead(name, parameters, f"it has {', '.join(parameters)}")
            raise UnknownParameter(f"roles: the subject has no parameter {name!r}; {question}")
    return [p for p in parameters.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def _positional_only(subject: Callable[..., Any]) -> tuple[str, ...]:
    parameters = inspect.signature(subject).parameters.values()
    return tuple(p.name for p in parameters if p.kind is p.POSITIONAL_ONLY)


def _candidates(parameter: inspect.Parameter, roles: Sequence[Role], declared: Mapping[str, str]) -> list[Role]:
    wanted = declared.get(parameter.name)
    if wanted is not None:
        found = [role for role in roles if role.name == wanted]
        if not found:
            question = instead(wanted, [role.name for role in roles], f"roles: {_names(roles)}")
            raise UnknownParameter(f"roles: {parameter.name}={wanted!r} is not a role; {question}")
        return found
    name = parameter.name.lower()
    return _called(name, roles) or _called(name.strip("_"), roles)


def _require_known(strangers: Sequence[inspect.Parameter], roles: Sequence[Role]) -> None:
    """That there are no parameters which have to be given something and whose name says nothing."""
    if strangers:
        names = [parameter.name for parameter in strangers]
        options = " ".join(f"--role {name}=ROLE" for name in names)
        raise UnknownParameter(
            f"unknown to this spec: {', '.join(map(repr, names))}; say what each of these parameters is with "
            f"roles={{parameter: role}} or {options}, roles: {_names(roles)}"
        )


def _called(name: str, roles: Sequence[Role]) -> list[Role]:
    return [role for role in roles if name == role.name or name in role.aliases]


def _consistent(combination: Sequence[Role], required: Sequence[str]) -> bool:
    names = {role.name for role in combination}
    if len(names) < len(combination):
        return False
    if any(names & set(role.excludes) or not set(role.needs) <= names for role in combination):
        return False
    return set(required) <= {name for role in combination for name in role.determines}


def _names(roles: Sequence[Role]) -> str:
    return ", ".join(dict.fromkeys(role.name for role in roles))
