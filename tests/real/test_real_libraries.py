"""Code that nobody here wrote, judged: stable-baselines3, sb3-contrib, tianshou, torchrl, rlax, torch.

Needs these libraries, so it is skipped where they are not installed; `python tests/real/test_real_libraries.py` prints
the table of verdicts. Every disagreement was checked by hand; the last column says what it is.
"""

import importlib.util
import sys
from pathlib import Path

import pytest

EXPECTED = [  # subject, spec, verdict, what is found, why
    ("sb3_gae", "gae", "correct", (), ""),
    ("tianshou_gae", "gae", "convention", ("masked_next_value",), "tianshou#869, a false alarm: its caller masks v_s_"),
    ("tianshou_gae_masked", "gae", "convention", ("masked_next_value",), "the same, said by the name"),
    ("torchrl_gae", "gae", "unstable", (), "λγ times integer flags is float32 in torch: float64 loses 8 digits"),
    ("torchrl_vectorized_gae", "gae", "wrong", (), "raises IndexError for γλ = 0 and one row"),
    ("rlax:truncated_generalized_advantage_estimation", "gae", "correct", (), ""),
    ("torchrl_lambda_return", "lambda_return", "correct", (), ""),
    ("torchrl_vectorized_lambda_return", "lambda_return", "wrong", (), "the same, and γλ is a float32 tensor"),
    ("rlax:lambda_returns", "lambda_return", "correct", (), ""),
    ("rlax:n_step_bootstrapped_returns", "n_step_return", "correct", (), ""),
    ("torchrl_reward_to_go", "reward_to_go", "unstable", (), "powers of γ cut at 1e-7: long episodes"),
    ("torchrl_vtrace", "vtrace", "correct", (), ""),
    ("torch_gaussian_log_prob", "gaussian_log_prob", "correct", (), ""),
    ("sb3_gaussian_log_prob", "gaussian_log_prob", "correct", (), ""),
    ("rlax_gaussian_log_prob", "gaussian_log_prob", "correct", (), ""),
    ("sb3_gaussian_entropy", "gaussian_entropy", "correct", (), ""),
    ("torch_gaussian_kl", "gaussian_kl", "unstable", (), "1 + x − 1 cancels between near policies"),
    ("sb3_gaussian_kl", "gaussian_kl", "unstable", (), "torch's"),
    ("rlax_gaussian_kl", "gaussian_kl", "unstable", (), "negative between near policies, in float32"),
    ("sb3_squashed_log_prob", "squashed_gaussian_log_prob", "convention", ("sac-squash-eps",), "ε = 1e-6 in the log"),
    ("torchrl_squashed_log_prob", "squashed_gaussian_log_prob", "unstable", (), "atanh of a rounded tanh"),
    ("sb3_categorical_log_prob", "categorical_log_prob", "unstable", (), "l − logsumexp l: 0 for a p near 1"),
    ("sb3_categorical_entropy", "categorical_entropy", "unstable", (), "the same"),
    ("sb3_categorical_kl", "categorical_kl", "unstable", (), "Σ p (log p − log q) cancels between near policies"),
    ("torch_categorical_kl", "categorical_kl", "unstable", (), "the same"),
    ("rlax:categorical_kl_divergence", "categorical_kl", "unstable", (), "the same"),
    ("rlax_c51_projection", "c51_projection", "correct", (), ""),
    ("contrib_conjugate_gradient", "conjugate_gradient", "wrong", (), "stops at ‖r‖ < 1e-5 from a random start"),
    ("sb3_running_moments", "running_moments", "convention", ("rms-prior-count",), "an invented first sample"),
    ("tianshou_running_moments", "running_moments", "correct", (), ""),
    ("sb3_polyak", "polyak_update", "correct", (), ""),
    ("torch_huber", "huber_loss", "correct", (), ""),
    ("rlax:huber_loss", "huber_loss", "unstable", (), "its gradient is (e − δ) + δ: small errors lose their digits"),
    ("torch_adam", "adam_step", "convention", ("steps_so_far",), "its step counts those before"),
]


def subject(name):
    from scratchrl.oracle import subjects

    if ":" in name:
        return subjects.load(name)
    return getattr(sys.modules.get("real_subjects") or _load(), name)


def _load():
    spec = importlib.util.spec_from_file_location("real_subjects", Path(__file__).with_name("subjects.py"))
    module = sys.modules["real_subjects"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def verdict(name, against):
    from scratchrl.oracle import diagnose

    return diagnose(subject(name), against)


def found(report):
    return (*report.slugs, *(line.split(" = ")[-1].split(":")[0] for line in report.conventions))


@pytest.mark.parametrize(("name", "against", "expected", "named", "why"), EXPECTED, ids=lambda value: str(value))
def test_the_verdict_on_a_published_function(name, against, expected, named, why):
    for package in ("torch", "stable_baselines3", "sb3_contrib", "tianshou", "torchrl", "rlax"):
        pytest.importorskip(package)
    report = verdict(name, against)
    assert report.verdict == expected, str(report)
    assert set(named) <= set(found(report)), str(report)


def main():
    for name, against, expected, _, why in EXPECTED:
        try:
            report = verdict(name, against)
            what, lost = report.verdict, " ".join([*found(report), report.where])
        except ValueError as error:
            what, lost = "ERROR", str(error)[:150]
        mark = "" if what == expected else f"   EXPECTED {expected}"
        print(f"{name:<50}{against:<28}{what:<12}{lost}  {why}{mark}", flush=True)


if __name__ == "__main__":
    main()
