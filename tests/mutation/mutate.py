"""Mutation testing of scratchrl/maths: every small change to the source must make a test fail.

    python tests/mutation/mutate.py                       # every module: one line a mutant that no test noticed
    python tests/mutation/mutate.py categorical returns   # these only
    python tests/mutation/mutate.py --list categorical    # what would be changed, without running anything

Each mutant (mutants.py) is run in a process of its own, forked from one that has collected the tests of its module:
the mirror file, the doctests, the rows of the number systems. The changed code is put into the function objects that
are there, so everybody who holds one sees the change. What is not inside a function (constants, tables, classes) is
changed in a fork that has not imported scratchrl yet; so is, for a second opinion, whatever nobody noticed. The first
failure, a crash or running out of time ends a mutant; the test that noticed the last one is asked first. Kernels run as
the plain Python they are defined in; Hypothesis draws the same examples as always, but does not shrink.

Mutants that no test can notice are in equivalent.toml: `["module.function"]`, then "changed statement" = "reason".
"""

import argparse
import contextlib
import gc
import importlib
import json
import os
import resource
import sys
import time
import tomllib
import types
from collections import Counter
from pathlib import Path

from mutants import MATHS, mutants

ROOT = Path(__file__).parents[2]
EQUIVALENT = Path(__file__).with_name("equivalent.toml")
HEAVY = [
    "numpy.testing", "scipy.optimize", "scipy.stats", "pytest", "numba", "hypothesis.extra.numpy", "flint", "mpmath",
    "gymnasium", "tyro", "matplotlib",
]  # fmt: skip
SECONDS = 60  # of processor time for one mutant
TESTED_BY = {
    "off_policy": ["returns"], "constants": ["number_systems", "gaussian", "quadrature"],
    "loops": ["kernels"], "network_loops": ["kernels", "mlp", "critic", "fused", "action_values", "policies"],
    "scan_loops": ["kernels", "returns"], "replay_loops": ["n_step_replay"],
}  # fmt: skip


def tests(module):
    names = TESTED_BY.get(module, [module, "number_systems"])
    return [*(ROOT / "tests" / "maths" / f"test_{name}.py" for name in names), MATHS / f"{module}.py"]


class Tests:
    """A pytest plugin: the tests of a module, collected once, run as they are and then for every mutant in a fork."""

    def __init__(self, module, codes=()):
        self.module, self.codes, self.witnesses, self.failed, self.seconds = module, codes, [], "", Counter()

    def pytest_collection_modifyitems(self, items):
        rows = [item for item in items if item.path.stem == "test_number_systems" and "[" in item.name]
        if self.module not in TESTED_BY:
            items[:] = [item for item in items if item not in rows or f"{self.module}." in item.name]

    def pytest_runtest_logreport(self, report):
        self.seconds[report.nodeid] += report.duration
        if report.failed:
            self.failed = report.nodeid

    def pytest_runtestloop(self, session):
        from _pytest.main import pytest_runtestloop as run_all

        def first_failure(code):
            transplant(code, sys.modules[f"scratchrl.maths.{self.module}"])
            with contextlib.suppress(session.Failed):
                run_all(session)
            return self.failed

        def as_it_is():
            run_all(session)
            return json.dumps(self.seconds)

        if not self.codes:
            return run_all(session)
        self.seconds = json.loads(forked(as_it_is))
        session.items.sort(key=lambda item: self.seconds[item.nodeid])
        gc.freeze()
        for code in self.codes:
            self.witnesses.append(forked(first_failure, code, seconds=SECONDS))
            session.items.sort(key=lambda item: item.nodeid != self.witnesses[-1])
        return True


def transplant(code, module):
    """The functions of a module get the code and the defaults that they have in the changed source."""
    names = dict(vars(module))
    exec(code, names)
    for name, function in vars(module).items():
        if getattr(function, "__module__", "") == module.__name__ and hasattr(function, "cache_clear"):
            function.cache_clear()
        old, new = (getattr(x, "__wrapped__", x) for x in (function, names[name]))
        if isinstance(old, types.FunctionType) and old.__module__ == module.__name__:
            for part in ("__code__", "__defaults__", "__kwdefaults__"):
                setattr(old, part, getattr(new, part))


def forked(function, *arguments, seconds=resource.RLIM_INFINITY):
    """The string that a function returns in a fork, or how the fork ended."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, 1)
            os.dup2(silence, 2)
            answer = function(*arguments).encode()
            while answer:
                answer = answer[os.write(write, answer) :]
            os._exit(0)
        finally:
            os._exit(1)
    os.close(write)
    with os.fdopen(read) as pipe:
        answer = pipe.read()
    _, status = os.waitpid(child, 0)
    return answer if status == 0 else "timeout" if os.WIFSIGNALED(status) else "crash"


def pytest_main(module, codes=()):
    import pytest
    from hypothesis import Phase, settings

    phases = [Phase.explicit, Phase.generate]
    settings.register_profile("mutation", deadline=None, derandomize=True, max_examples=50, phases=phases)
    quick = ["-x", "-q", "--tb=no", "--assert=plain", "--hypothesis-profile=mutation", "-p", "no:benchmark"]
    plugin = Tests(module, codes)
    status = pytest.main([*quick, *map(str, tests(module))], plugins=[plugin])
    return status, plugin


def together(module, codes):
    """One line a mutant: the test that noticed it, or nothing."""
    status, plugin = pytest_main(module, codes)
    return "\n".join(plugin.witnesses) if status == 0 else "the tests fail as they are"


def from_scratch(module, code):
    """The first test to fail where the module is made of this code from its import on."""
    name = f"scratchrl.maths.{module}"
    house = importlib.import_module("scratchrl.maths")
    sys.modules[name] = importlib.util.module_from_spec(importlib.util.find_spec(name))
    setattr(house, module, sys.modules[name])
    exec(code, vars(sys.modules[name]))
    status, plugin = pytest_main(module)
    return "" if status == 0 else plugin.failed or "collection"


def examine(module, listed, once):
    """Counts by outcome; what nobody noticed, and what is listed for nothing, is printed."""
    start, found = time.monotonic(), list(mutants(module))
    of_module = {(where, after) for where in listed if where.split(".")[0] == module for after in listed[where]}
    for entry in of_module - {mutant[:2] for mutant in found}:
        print("equivalent.toml: no such mutant:", *entry)
    tested = [mutant for mutant in found if mutant.after not in listed.get(mutant.where, {})]
    inside = [mutant for mutant in tested if mutant.in_function]
    witnesses = forked(together, module, [mutant.code for mutant in inside]).split("\n") if inside else []
    if len(witnesses) != len(inside):
        sys.exit(f"{module}: {witnesses}")
    noticed = dict(zip(inside, witnesses, strict=True))
    for mutant in tested:
        if not noticed.get(mutant) and not (once and mutant.in_function):
            noticed[mutant] = forked(from_scratch, module, mutant.code, seconds=SECONDS)
        if not noticed[mutant]:
            print(f'{module}.py:{mutant.line} ["{mutant.where}"]\n    {mutant.before}\n    {mutant.after}', flush=True)
    ends = Counter(w if w in ("timeout", "crash") else "killed" if w else "survived" for w in noticed.values())
    counts = Counter(mutants=len(found), equivalent=len(found) - len(tested)) + ends
    print(f"{module}: {dict(counts)}, {time.monotonic() - start:.0f} s", flush=True)
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", default=sorted(path.stem for path in MATHS.glob("[a-z]*.py")))
    parser.add_argument("--list", action="store_true", help="print the mutants and run nothing")
    parser.add_argument("--once", action="store_true", help="no second opinion on what nobody noticed")
    arguments = parser.parse_args()
    if arguments.list:
        for mutant in (mutant for module in arguments.modules for mutant in mutants(module)):
            print(f"{mutant.where}:{mutant.line}: {mutant.before}  ->  {mutant.after}")
        return
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    os.environ |= {"NUMBA_DISABLE_JIT": "1", "OPENBLAS_NUM_THREADS": "1"}
    for name in HEAVY:
        importlib.import_module(name)
    listed = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))
    total = sum((examine(module, listed, arguments.once) for module in arguments.modules), Counter())
    print(f"total: {dict(total)}")


if __name__ == "__main__":
    main()
