"""What a mutant is: one node of a module's syntax tree changed, everything else as it was.

Left alone are docstrings, annotations and what stands in a `raise`: the wording of an error is for people, and pinning
it word by word tests nothing. The conditions that lead there are changed like all others.
"""

import ast
import copy
from pathlib import Path
from typing import Any, NamedTuple

MATHS = Path(__file__).parents[2] / "scratchrl" / "maths"

OTHER = {
    ast.Add: [ast.Sub], ast.Sub: [ast.Add], ast.Mult: [ast.Div], ast.Div: [ast.Mult], ast.FloorDiv: [ast.Div],
    ast.Pow: [ast.Mult], ast.Mod: [ast.FloorDiv], ast.BitAnd: [ast.BitOr], ast.BitOr: [ast.BitAnd],
    ast.Lt: [ast.LtE, ast.GtE], ast.LtE: [ast.Lt, ast.Gt], ast.Gt: [ast.GtE, ast.LtE], ast.GtE: [ast.Gt, ast.Lt],
    ast.Eq: [ast.NotEq], ast.NotEq: [ast.Eq], ast.Is: [ast.IsNot], ast.IsNot: [ast.Is],
    ast.In: [ast.NotIn], ast.NotIn: [ast.In], ast.And: [ast.Or], ast.Or: [ast.And],
}  # fmt: skip
SWAPPED = [
    ("min", "max"), ("minimum", "maximum"), ("argmin", "argmax"), ("any", "all"), ("sum", "mean"), ("exp", "expm1"),
    ("log", "log1p"), ("zeros", "ones"), ("zeros_like", "ones_like"), ("floor", "ceil"), ("float64", "float32"),
    ("sinh", "cosh"), ("sqrt", "abs"), ("abs", "negative"), ("logical_and", "logical_or"),
]  # fmt: skip
NAMES = dict(SWAPPED) | {b: a for a, b in SWAPPED}
LEFT_OUT = {"annotation", "returns", "decorator_list", "type_params"}


def replacements(node):
    """The nodes that may stand in a node's place."""
    match node:
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value) | float(value)):
            yield ast.Constant(value + 1)
            if value == 2:
                yield ast.Constant(1)
        case ast.Constant(value=str(value)) if value:
            yield from map(ast.Constant, sorted({value[1:], value[:-1]}))
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert()):
            yield node.operand
        case ast.BinOp() | ast.AugAssign() | ast.BoolOp():
            for other in OTHER.get(type(node.op), ()):
                yield changed(node, op=other())
        case ast.Compare():
            for i, op in enumerate(node.ops):
                for other in OTHER[type(op)]:
                    yield changed(node, ops=[*node.ops[:i], other(), *node.ops[i + 1 :]])
        case ast.Attribute() if node.attr in NAMES:
            yield changed(node, attr=NAMES[node.attr])
        case ast.Name(ctx=ast.Load(), id="min" | "max" | "any" | "all"):
            yield changed(node, id=NAMES[node.id])
        case ast.Call():
            for i in range(len(node.keywords)):
                yield changed(node, keywords=[*node.keywords[:i], *node.keywords[i + 1 :]])
            if getattr(node.func, "id", "") in ("reversed", "abs", "tuple", "sorted"):
                yield node.args[0]
            if getattr(node.func, "attr", "") in ("astype", "copy", "reshape", "ravel", "conj"):
                yield node.func.value
        case ast.Return(value=ast.Tuple(elts=parts)):
            for i in range(len(parts)):
                nothing = ast.Tuple([*parts[:i], ast.Constant(None), *parts[i + 1 :]], ast.Load())
                yield changed(node, value=nothing)
        case ast.If() | ast.IfExp() | ast.While():
            for value in (True, False):
                if not (value and isinstance(node, ast.While)):
                    yield changed(node, test=ast.Constant(value))
        case ast.Expr(value=ast.Call()):
            yield ast.Pass()
    if isinstance(node, ast.AugAssign):
        yield ast.Pass()


def changed(node, **fields):
    node = copy.copy(node)
    for name, value in fields.items():
        setattr(node, name, value)
    return node


def sites(node, where, statement=None):
    """(put, child, where, statement) for every child below a node; put(other) sets another in its place."""
    for field, value in ast.iter_fields(node):
        if field in LEFT_OUT:
            continue
        for i, child in enumerate(value if isinstance(value, list) else [value]):
            text = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            if text or not isinstance(child, ast.AST) or isinstance(child, (ast.Raise, ast.Import, ast.ImportFrom)):
                continue

            def put(other, node=node, field=field, value=value, i=i):
                setattr(node, field, [*value[:i], other, *value[i + 1 :]] if isinstance(value, list) else other)

            inside = f"{where}.{child.name}" if isinstance(child, (ast.FunctionDef, ast.ClassDef)) else where
            current = child if isinstance(child, ast.stmt) else statement
            yield put, child, inside, current
            yield from sites(child, inside, current)


def header(node):
    """A statement on one line, a compound one without what is inside."""
    empty = {"body": [], "orelse": []} if isinstance(getattr(node, "body", None), list) else {}
    return " ".join(ast.unparse(changed(node, **empty)).split())


class Mutant(NamedTuple):
    where: str
    after: str
    before: str
    line: int
    in_function: bool
    code: Any


def mutants(module):
    """Every mutant of a module."""
    path = MATHS / f"{module}.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = {f"{module}.{node.name}" for node in tree.body if isinstance(node, ast.FunctionDef)}
    for put, child, where, statement in list(sites(tree, module)):
        before, in_function = header(statement), ".".join(where.split(".")[:2]) in functions
        for other in replacements(child):
            put(ast.copy_location(other, child))
            after = header(other if child is statement else statement)
            after += f"  # {before}" if after in ("pass", "if True:", "if False:", "while False:") else ""
            code = compile(ast.fix_missing_locations(tree), str(path), "exec")
            yield Mutant(where, after, before, child.lineno, in_function, code)
            put(child)
