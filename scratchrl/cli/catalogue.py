"""`scratchrl specs [NAME]` and `scratchrl mistakes [SLUG]`: what can be checked, and what is known to go wrong."""

import inspect
import textwrap
from dataclasses import dataclass
from typing import Annotated

import tyro

from scratchrl.cli.errors import Refused, refusing
from scratchrl.oracle.suggestions import instead

WIDTH = 100
MANY, FEW = 20, 8  # of more parameter names than MANY that are read as one role, the first FEW are shown


@dataclass(frozen=True)
class Specs:
    """Lists the specs a function can be checked against; with a name, its roles, conventions and kinds of cases."""

    name: Annotated[str | None, tyro.conf.Positional] = None
    """Of a spec."""
    all: bool = False
    """With a name: every parameter name that is read as a role, also where they are many."""


@dataclass(frozen=True)
class Mistakes:
    """Lists the catalogue; with a slug, everything about that entry."""

    slug: Annotated[str | None, tyro.conf.Positional] = None
    """Of a mistake or convention."""
    against: str | None = None
    """Only those of this spec."""


def specs(arguments):
    """Prints the list or one spec."""
    asked = tyro.cli(Specs, args=arguments, prog="scratchrl specs", config=(tyro.conf.FlagCreatePairsOff,))
    from scratchrl.oracle import specs as known

    if asked.name is None:
        for spec in known.every().values():
            print(f"{spec.name:<28}{' '.join(inspect.signature(spec.reference).parameters)}")
            print(f"{'':<28}{spec.formula}")
    else:
        with refusing(ValueError):
            print("\n".join(_about_spec(known.get(asked.name), asked.all)))
    return 0


def _about_spec(spec, whole):
    yield f"{spec.name}: {spec.formula}   [{spec.source}]"
    yield f"  arguments    {' '.join(inspect.signature(spec.reference).parameters)}"
    yield f"  returns      {', '.join(spec.outputs)}" + (
        f"; derivatives by {', '.join(spec.differentiate)}" if spec.differentiate else ""
    )
    yield f"  layouts      {', '.join(layout.name for layout in spec.layouts)}"
    yield "  roles, and the parameter names that are read as them" + (":" if whole else ", the first of many (--all):")
    yield from _about_roles(spec.roles, whole)
    for kind in ("tame", "edges", "stress"):
        yield f"  {kind:<12} {'; '.join(getattr(spec, kind))}"
    if spec.identities:
        yield "  identities:"
        yield from (f"    {identity.name}" for identity in spec.identities)


def _about_roles(roles, whole):
    """Forms of one role, which differ in what stands beside it, as one."""
    for name in dict.fromkeys(role.name for role in roles):
        forms = [role for role in roles if role.name == name]
        aliases = list(dict.fromkeys(alias for role in forms for alias in role.aliases if alias != name))
        yield from _wrapped(f"    {name:<20}", ", ".join(aliases if whole else _first(aliases)))
        for note in dict.fromkeys(role.note for role in forms if role.note):
            yield from _wrapped(f"    {'':<20}convention: ", note)


def _first(aliases):
    """All of them unless they are too many to be read."""
    return aliases if len(aliases) <= MANY else [*aliases[:FEW], f"and {len(aliases) - FEW} more"]


def _wrapped(head, text):
    indent = " " * 24
    return textwrap.wrap(text, WIDTH, initial_indent=head, subsequent_indent=indent) or [head.rstrip()]


def mistakes(arguments):
    """Prints the catalogue or one entry."""
    asked = tyro.cli(Mistakes, args=arguments, prog="scratchrl mistakes")
    from scratchrl.oracle import specs as known
    from scratchrl.oracle.mistakes import catalogue

    if asked.against is not None:
        with refusing(ValueError):
            known.get(asked.against)
    entries = [entry for entry in catalogue() if asked.against in (None, entry.against)]
    if asked.slug is not None:
        slugs = [entry.slug for entry in entries]
        entries = [entry for entry in entries if entry.slug == asked.slug]
        if not entries:
            question = instead(asked.slug, slugs, "`scratchrl mistakes` lists it")
            raise Refused(f"no entry {asked.slug!r} in the catalogue; {question}")
    lines = _about_entries(entries) if asked.slug else _list(entries)
    print("\n".join(lines))
    return 0


def _list(entries):
    for spec in dict.fromkeys(entry.against for entry in entries):
        yield spec
        for slug, entry in {entry.slug: entry for entry in entries if entry.against == spec}.items():
            yield f"  {slug:<28}{entry.kind:<12}{entry.formula}"


def _about_entries(entries):
    first = entries[0]
    yield f"{first.slug} ({first.kind})"
    for spec in dict.fromkeys(entry.against for entry in entries):
        entry = next(entry for entry in entries if entry.against == spec)
        yield f"  against   {spec}"
        yield f"  computes  {entry.formula}"
        indent = " " * 12
        yield from textwrap.wrap(entry.difference, WIDTH, initial_indent=indent, subsequent_indent=indent)
    for variant in dict.fromkeys(str(dict(entry.variant)) for entry in entries if entry.variant):
        yield f"  variant   {variant}"
    yield f"  seen in   {', '.join(first.evidence) or 'folklore: no thread is known that pins it down'}"
    if first.equivalent:
        yield f"  the same  {first.equivalent}"
