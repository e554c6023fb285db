"""The shape of the house: imports point down only, in no circle, and nothing heavy is loaded before it is needed."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import scratchrl

ROOT = Path(scratchrl.__file__).parent
FILES = {
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
}
MAY_IMPORT = {  # room -> the rooms below it; the roof, files of no room, may import them all
    "maths": set(),
    "exact": {"maths"},
    "experience": {"maths"},
    "algorithms": {"maths", "experience"},
    "oracle": {"maths", "exact"},
    "runs": {"maths"},
    "bench": {"maths", "experience", "algorithms"},
}
ALLOWED = {  # third-party packages, by who may import them; numpy is everybody's
    "numba": {"scratchrl.maths.kernels", "scratchrl.bench.machine"},
    "mpi4py": {"scratchrl.experience.mpi"},
    "hypothesis": {"scratchrl.oracle.strategies", "scratchrl.oracle.search", "scratchrl.oracle.drawn", "cases"},
    "flint": {"scratchrl.oracle.balls", "scratchrl.oracle.numbers"},
    "pytest": {"scratchrl.oracle.pytest_plugin"},
    "torch": {"scratchrl.oracle.torch_io", "bench"},
    "jax": {"scratchrl.oracle.jax_io", "bench"},
    "rlax": {"bench"},
    "stable_baselines3": {"bench"},
    "sb3_contrib": {"bench"},
    "gymnasium": {"experience", "exact", "bench", "roof"},
    "matplotlib": {"runs"},
    "tyro": {"roof"},
    "tqdm": {"roof"},
    "threadpoolctl": {"scratchrl.bench.threads", "roof"},
    "scipy": {"scratchrl.maths.blas", "exact", "runs", "bench", "roof"},
}


def imports(name):
    """Full names of everything a module imports, wherever in the file."""
    for node in ast.walk(ast.parse(FILES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in FILES else node.module


def room(name):
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in MAY_IMPORT else "roof"


@pytest.mark.parametrize("name", FILES)
def test_imports_point_down(name):
    if room(name) == "roof":
        return
    for imported in imports(name):
        if imported.startswith("scratchrl") and imported != "scratchrl":
            assert room(imported) in MAY_IMPORT[room(name)] | {room(name)}, f"{name} imports {imported}"


@pytest.mark.parametrize("name", FILES)
def test_third_parties_stay_where_they_belong(name):
    for imported in imports(name):
        package = imported.split(".")[0]
        if package not in {"scratchrl", "numpy"} and package not in sys.stdlib_module_names:
            folder = "cases" if name.startswith("scratchrl.oracle.cases.") else ""
            assert {name, room(name), folder} & ALLOWED.get(package, set()), f"{name} imports {package}"


def test_no_module_imports_itself_in_a_circle():
    graph = {name: set(imports(name)) & set(FILES) for name in FILES}
    assert len(list(TopologicalSorter(graph).static_order())) == len(FILES)


def test_rooms_hold_a_docstring_and_import_their_files_when_asked_for_them():
    lazily = ["from scratchrl import submodules", "__getattr__ = submodules(__name__)"]
    for name in MAY_IMPORT:
        body = ast.parse(FILES[f"scratchrl.{name}"].read_text(encoding="utf-8")).body
        assert ast.get_docstring(ast.Module(body, []))
        *imports, last = (ast.unparse(node) for node in body[1:])
        assert imports == lazily[:1]
        assert last.startswith(lazily[1].removesuffix(")"))


def test_a_dotted_name_is_enough():
    assert scratchrl.maths.returns.gae.__name__ == "gae"
    with pytest.raises(AttributeError, match=r"module 'scratchrl\.maths' has no attribute 'nothing'"):
        _ = scratchrl.maths.nothing


def loaded(code):
    """The top-level packages in sys.modules after running some code in a fresh interpreter."""
    script = f"{code}\nimport sys; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT.parent, check=True)
    return set(done.stdout.split())


HEAVY = {"mpi4py", "numba", "scipy", "gymnasium", "tyro", "matplotlib", "tqdm", "hypothesis", "flint", "threadpoolctl"}


def test_importing_the_package_loads_nothing_heavy():
    assert not loaded("import scratchrl") & HEAVY


def test_the_whole_of_maths_and_verify_load_numpy_alone():
    names = [name for name in FILES if room(name) == "maths"] + ["scratchrl.oracle.verify"]
    modules = loaded("\n".join(f"import {name}" for name in names))
    assert "numpy" in modules
    assert not modules & HEAVY
