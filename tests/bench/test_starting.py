"""Fresh processes: what they print, and who is left out."""

import pytest

from scratchrl.bench import fresh, memory, starting
from scratchrl.bench.work import ready


def test_a_process_that_fails_is_no_measurement(capfd):
    with pytest.raises(fresh.subprocess.CalledProcessError):
        fresh.output("-c", "raise SystemExit(3)")


def test_a_package_that_is_not_installed_leaves_its_contender_out():
    runs, absent = ready({"ours": lambda: max, "peer": lambda: fresh.require("no_such_library")})
    assert list(runs) == ["ours"]
    assert absent == {"peer": "no_such_library is not installed"}


@pytest.mark.parametrize("play", [starting.ROLLOUT, starting.UPDATE], ids=["rollout", "update"])
def test_our_process_plays_what_the_row_says(play):
    said = "print(batch.obs.shape)" if play is starting.ROLLOUT else "print(next(updates)[0].step)"
    code = play.replace("next(ppo.train(", "updates = (ppo.train(") if play is starting.UPDATE else play
    expected = "(128, 8, 4)" if play is starting.ROLLOUT else "1024"
    assert fresh.output("-c", f"{starting.OURS}{code}\n{said}") == expected


def test_the_rows_are_whole_runs_with_bounds():
    for work in (*starting.WORKS, *memory.WORKS):
        assert work.whole
        assert next(iter(work.contenders)) == "ours"
        assert 0 < work.at_most < 1100
