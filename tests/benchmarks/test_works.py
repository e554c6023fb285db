"""Every row of `scratchrl bench` × contender under pytest-benchmark: its statistics, its storage, its comparisons.

    pytest tests/benchmarks --benchmark-group-by=group -k "GAE"
    pytest tests/benchmarks --benchmark-autosave; pytest tests/benchmarks --benchmark-compare

Contenders do not take turns here: for ratios that can be trusted on a busy machine there is `scratchrl bench`.
"""

import pytest

from scratchrl.bench import threads
from scratchrl.bench.work import all_works

ROWS = [
    pytest.param(work, name, id=f"{work.name} ({work.threads}): {name}")
    for work in all_works()
    if work.unit == "s" and not work.slow
    for name in work.contenders
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("work", "contender"), ROWS)
def test_work(work, contender, benchmark):
    benchmark.group = f"{work.name}, {work.threads} thread{'s' * (work.threads > 1)}"
    with threads.limited(work.threads):
        try:
            run = work.contenders[contender]()
        except ImportError as error:
            pytest.skip(f"{error.name} is not installed")
    with threads.limited(work.threads):
        if work.whole:
            benchmark.pedantic(run, rounds=3)
        else:
            benchmark(run)
