"""Golden vectors: the specs as data, for programs in other languages.

One JSON file for each spec whose arguments are numbers:

    schema        "scratchrl-vectors-1"; schema.json beside it describes it to validators
    spec, formula, source, arguments, outputs
    notes         slug -> kind, formula, difference, evidence of every mistake and convention
    tests         id, comment (the kind of case), inputs, outputs, flags, mistakes

A number is {"hex": the float64, "decimal": 40 digits}. An array is {"shape", "hex": [...], "decimal": [...]}, last axis
fastest. An output also has "budget64" and "budget32": how far a float64 and a float32 program may be from the decimal,
8 times the proven rounding bound. `flags` are the slugs whose outputs are farther off than budget32 in this test, and
`mistakes` has these outputs: a program that gives one of them has that mistake. Same version, same bytes.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchrl.oracle import mistakes, specs
from scratchrl.oracle.balls import Undecidable
from scratchrl.oracle.judgement import FACTOR
from scratchrl.oracle.mistake import Mistake
from scratchrl.oracle.numbers import TRUE_BITS, bounds, decimal, distances, evaluate, rounded
from scratchrl.oracle.roles import Case
from scratchrl.oracle.search import draw
from scratchrl.oracle.specification import Spec

SCHEMA_NAME = "scratchrl-vectors-1"
TAME, OTHERS, SEED = 16, 3, 0  # cases of every ordinary kind, of every other kind


def write(folder: Path, replacing: Callable[..., Any]) -> list[Path]:
    """One file for each spec, and schema.json; returns their paths.

    Args:
      folder: made if it is not there.
      replacing: path -> context manager of a file that appears whole or not at all (runs/atomic.py).

    Checked in tests/oracle/test_vectors.py.
    """
    folder.mkdir(parents=True, exist_ok=True)
    contents = {"schema.json": schema()} | {f"{spec.name}.json": vectors(spec) for spec in specs.every().values()}
    written = []
    for name, content in contents.items():
        if content is not None:
            written.append(folder / name)
            with replacing(written[-1]) as file:
                file.write(_text(content))
    return written


def _text(content: Mapping[str, Any]) -> str:
    """JSON with a line for each field and a line for each test, so that two versions can be compared by eye."""
    fields = [f"{_json(name)}: {_json(value)}" for name, value in content.items() if name != "tests"]
    if "tests" in content:
        fields.append('"tests": [\n' + ",\n".join(map(_json, content["tests"])) + "\n]")
    return "{\n" + ",\n".join(fields) + "\n}\n"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def vectors(spec: Spec) -> dict[str, Any] | None:
    """The content of one file; None where an argument is not made of numbers."""
    cases = list(_cases(spec))
    if not all(_is_data(value) for _, case in cases for value in case.values()):
        return None
    known = [entry for entry in mistakes.against(spec.name) if not entry.equivalent]
    tests = [test for label, case in cases if (test := _test(spec, known, label, case)) is not None]
    return {
        "schema": SCHEMA_NAME,
        "spec": spec.name,
        "formula": spec.formula,
        "source": spec.source,
        "arguments": list(cases[0][1]),
        "outputs": list(spec.outputs),
        "notes": {_name(entry): _note(entry) for entry in known},
        "tests": [{"id": number, **test} for number, test in enumerate(tests, 1)],
    }


def _cases(spec: Spec) -> Iterator[tuple[str, Case]]:
    for kind, count in (("tame", TAME), ("edges", OTHERS), ("stress", OTHERS)):
        for label, strategy in getattr(spec, kind).items():
            yield from ((f"{kind}: {label}", case) for case in draw(strategy, count, SEED))


def _is_data(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_data, value))
    return isinstance(value, np.ndarray | int | float | bool)


def _name(entry: Mistake) -> str:
    settings = ",".join(f"{key}={value:g}" for key, value in entry.variant.items())
    return f"{entry.slug}[{settings}]" if settings else entry.slug


def _note(entry: Mistake) -> dict[str, Any]:
    fields = ("kind", "formula", "difference", "evidence")
    return {name: getattr(entry, name) for name in fields}


def _test(spec: Spec, known: list[Mistake], label: str, case: Case) -> dict[str, Any] | None:
    try:
        true = evaluate(spec.reference, TRUE_BITS, case)
        budgets = {bits: _budgets(spec, case, true, bits) for bits in (53, 24)}
        outputs = [_output(leaf, *both) for leaf, *both in zip(true, budgets[53], budgets[24], strict=True)]
    except Undecidable:
        return None
    wrong = {_name(entry): found for entry in known if (found := _wrong(spec, entry, case, true, budgets[24]))}
    inputs = {name: _data(value) for name, value in case.items()}
    return {"comment": label, "inputs": inputs, "outputs": outputs, "flags": sorted(wrong), "mistakes": wrong}


def _budgets(spec: Spec, case: Case, true: tuple[NDArray, ...], bits: int) -> list[NDArray]:
    rough = evaluate(spec.reference, bits, case)
    return [FACTOR * bounds(t, r, bits) for t, r in zip(true, rough, strict=True)]


def _wrong(
    spec: Spec, entry: Mistake, case: Case, true: tuple[NDArray, ...], budgets: list[NDArray]
) -> list[dict[str, Any]] | None:
    """What a mistake gives, if it is that far from the truth here."""
    try:
        found = evaluate(entry.around(spec.reference), TRUE_BITS, case)
        nearest = [rounded(leaf) for leaf in found]
    except Exception:
        return None
    if [leaf.shape for leaf in found] != [leaf.shape for leaf in true]:
        return [_data(leaf) for leaf in nearest]
    far = zip(nearest, true, budgets, strict=True)
    return [_data(leaf) for leaf in nearest] if any(np.any(~(distances(*two) <= b)) for *two, b in far) else None


def _output(true: NDArray, budget64: NDArray, budget32: NDArray) -> dict[str, Any]:
    decimals = [decimal(number) for number in true.flat]
    hexadecimal = [_hex(x) for x in rounded(true).flat]
    budgets = {name: [_hex(x) for x in b.flat] for name, b in (("budget64", budget64), ("budget32", budget32))}
    return {"shape": list(true.shape), "hex": hexadecimal, "decimal": decimals} | budgets


def _data(value: Any) -> Any:
    if isinstance(value, list):
        return [_data(item) for item in value]
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        numbers = {"hex": [_hex(x) for x in value.flat], "decimal": [decimal(x) for x in value.flat]}
        return {"shape": list(value.shape), **numbers}
    if isinstance(value, np.ndarray):
        return {"shape": list(value.shape), "values": value.ravel().tolist()}
    return {"hex": _hex(value), "decimal": decimal(value)} if isinstance(value, float) else value


def _hex(number: Any) -> str:
    return float(number).hex()


def schema() -> Mapping[str, Any]:
    """JSON Schema (2020-12) of the files."""
    strings = {"type": "array", "items": {"type": "string"}}
    array = {"type": "object", "required": ["shape"], "properties": {"hex": strings, "decimal": strings}}
    output = array | {"required": ["shape", "hex", "decimal", "budget64", "budget32"]}
    test = {
        "type": "object",
        "required": ["id", "comment", "inputs", "outputs", "flags", "mistakes"],
        "properties": {
            "id": {"type": "integer"},
            "inputs": {"type": "object"},
            "outputs": {"type": "array", "items": output},
            "flags": strings,
            "mistakes": {"type": "object", "additionalProperties": {"type": "array", "items": array}},
        },
    }
    fields = ("schema", "spec", "formula", "source", "arguments", "outputs", "notes", "tests")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA_NAME,
        "type": "object",
        "required": list(fields),
        "properties": {"schema": {"const": SCHEMA_NAME}, "tests": {"type": "array", "items": test}},
    }
