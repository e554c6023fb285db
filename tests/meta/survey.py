"""The oracle on trial, at length: every mistake named, and no right function accused.

    python tests/meta/survey.py confusion           every entry of the catalogue as a subject; what it is called
    python tests/meta/survey.py alarms              every reference and convention, case by case
    ... --only gae vtrace                           these specs alone

A process for each core; minutes and two hours. The test suite asks the same of fewer cases (test_catalogue.py).
"""

import argparse
import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed

import numpy as np

from scratchrl.oracle import diagnose, mistakes, specs
from scratchrl.oracle.balls import Undecidable
from scratchrl.oracle.drawn import sample
from scratchrl.oracle.examination import SCREENING, score
from scratchrl.oracle.judgement import judge
from scratchrl.oracle.mistake import BUG
from scratchrl.oracle.search import draw
from scratchrl.oracle.subjects import readings


def named(index):
    """(index, verdict, slugs) of one entry as a subject."""
    entry = mistakes.catalogue()[index]
    report = diagnose(entry.subject(specs.get(entry.against).reference), entry.against, max_examples=60)
    return index, report.verdict, report.slugs


def confusion(only):
    """The matrix of slug against first name, as its diagonal and everything beside it."""
    off, counts = [], Counter()
    asked = [index for index, entry in enumerate(mistakes.catalogue()) if entry.against in only]
    for index, verdict, slugs in everywhere(named, asked):
        entry = mistakes.catalogue()[index]
        expected = () if entry.equivalent else (entry.slug,)
        right = slugs[:1] == expected
        counts[entry.against, right] += 1
        variant = " ".join(f"{key}={value:g}" for key, value in entry.variant.items())
        print(f"{entry.against:<28}{entry.slug:<30}{variant:<14}{verdict:<12}{' '.join(slugs)}", flush=True)
        if not right:
            off.append((entry.against, entry.slug, slugs))
    print(f"\n{'spec':<28}{'entries':>8}{'on the diagonal':>17}")
    for spec in dict.fromkeys(spec for spec, _ in counts):
        print(f"{spec:<28}{counts[spec, True] + counts[spec, False]:>8}{counts[spec, True]:>17}")
    print(f"beside the diagonal: {off or 'nothing'}")


def accused(task):
    """Rows (spec, name, dtype, cases, undecidable, wrong): the right functions of a spec over the same cases."""
    name, count = task
    spec = specs.get(name)
    kinds = [(kind, strategy) for kind in ("tame", "edges", "stress") for strategy in getattr(spec, kind).values()]
    share = -(-count // len(kinds))
    cases = [(kind, case) for kind, strategy in kinds for case in draw(strategy, share, seed=7)]
    rows = [trial(spec, "reference", spec.reference, dtype, cases) for dtype in ("float64", "float32")]
    for slug, variants in conventions(name).items():
        for turn, entry in enumerate(variants):
            its = cases[turn :: len(variants)]
            rows.append(trial(spec, slug, entry.around(spec.reference), "float64", its, entry))
    return rows


def conventions(name):
    """slug -> its variants, such as several ε, which share the cases of the slug."""
    found = {}
    for entry in mistakes.against(name):
        if entry.kind != BUG:
            found.setdefault(entry.slug, []).append(entry)
    return found


def trial(spec, name, function, dtype, cases, entry=None):
    """One function against itself at 200 bits."""
    subject = spec.reference if entry is None else entry.subject(spec.reference)
    ways = readings(spec.reference, spec, {}, ["numpy"], np.dtype(dtype), 60.0)
    way = max(ways, key=lambda way: score(way, sample(spec.name, "tame", SCREENING, seed=0)))._replace(subject=subject)
    undecidable = wrong = 0
    for kind, case in cases:
        given = way.given(case)
        try:
            wrong += not judge(function, way, given, way.answer(given), kind != "stress").agrees
        except Undecidable:
            undecidable += 1
    return spec.name, name, dtype, len(cases), undecidable, wrong


def alarms(only, count):
    """Every reference in both precisions and every convention in float64, each on `count` cases."""
    total = Counter()
    most_first = sorted(only, key=lambda name: -len(conventions(name)))
    for rows in everywhere(accused, [(name, count) for name in most_first]):
        for spec, name, dtype, asked, undecidable, wrong in rows:
            total.update(functions=1, cases=asked, undecidable=undecidable, wrong=wrong)
            counts = f"{asked:>7} cases{undecidable:>6} undecidable{wrong:>5} wrong"
            print(f"{spec:<28}{name:<30}{dtype:<9}{counts}", flush=True)
    print(dict(total))


def everywhere(function, tasks):
    """Results in order of completion, from as many processes as there are cores."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for done in as_completed([pool.submit(function, task) for task in tasks]):
            yield done.result()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["confusion", "alarms"])
    parser.add_argument("--cases", type=int, default=10_000, help="for each function")
    parser.add_argument("--only", nargs="+", default=specs.every(), help="specs")
    asked = parser.parse_args()
    confusion(asked.only) if asked.what == "confusion" else alarms(asked.only, asked.cases)


if __name__ == "__main__":
    main()
