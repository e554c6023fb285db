"""The page: verdict first, the smallest example in the subject's words, the mistake and where else it happened."""

import numpy as np

from scratchrl.maths import returns
from scratchrl.oracle import diagnose


def late(rewards, values, next_values, terminated, truncated, gamma, lam):
    return returns.gae(rewards, values, next_values, terminated | truncated, truncated, gamma, lam)


def test_a_wrong_function_has_everything_on_its_page():
    page = str(diagnose(late, "gae", max_examples=50))
    lines = page.splitlines()
    assert lines[0].endswith("late against gae: WRONG: gae-trunc-as-terminal")
    assert lines[1].startswith("  the right formula   A_t = δ_t")
    assert "rewards = reward, values = value, next_values = next_value, terminated, truncated" in lines[2]
    for word in ("Smallest example found", "  rewards ", "  yours ", "  right ", "gae-trunc-as-terminal (bug)"):
        assert word in page
    assert "seen in             Toni-SM/skrl#449" in page
    assert page.index("yours") < page.index("right  ") < page.index("computes")
    assert all(len(line) <= 200 for line in lines)


def test_a_correct_function_needs_four_lines():
    page = str(diagnose(returns.gae, "gae", max_examples=20))
    assert page.splitlines()[0].endswith("gae against gae: CORRECT")
    assert len(page.splitlines()) == 5
    assert "tolerance: 8 x the proven rounding bound" in page


def test_a_failing_subject_is_quoted():
    def subject(reward, value, next_value, terminated, truncated, gamma, lam):
        raise RuntimeError("out of luck")

    page = str(diagnose(subject, "gae", max_examples=20))
    assert "WRONG: raises" in page
    assert "it raises: RuntimeError: out of luck" in page


def test_where_numbers_look_alike_the_page_says_by_how_much_they_differ():
    def subject(reward, value, next_value, terminated, truncated, gamma, lam):
        rounded = float(np.float32(gamma * lam)) / lam if lam else gamma
        return returns.gae(reward, value, next_value, terminated, truncated, rounded, lam)

    page = str(diagnose(subject, "gae", max_examples=50))
    assert "where rounding explains" in page
