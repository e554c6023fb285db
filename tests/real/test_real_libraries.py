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
    ("tianshou_gae", "gae", "wrong", ("gae-no-boot-mask",), "false alarm of tianshou#869: its caller masks v_s_"),
    ("tianshou_gae_masked", "gae", "convention", ("next_value_masked",), "v_s_ comes multiplied by the mask"),
    ("torchrl_gae", "gae", "correct", (), ""),
    ("torchrl_vectorized_gae", "gae", "correct", (), ""),
    ("rlax:truncated_generalized_advantage_estimation", "gae", "correct", (), ""),
    ("torchrl_lambda_return", "lambda_return", "correct", (), ""),
    ("torchrl_vectorized_lambda_return", "lambda_return", "correct", (), ""),
    ("rlax:lambda_returns", "lambda_return", "correct", (), ""),
    ("rlax:n_step_bootstrapped_returns", "n_step_return", "correct", (), ""),
    ("torchrl_reward_to_go", "reward_to_go", "correct", (), ""),
    ("torchrl_vtrace", "vtrace", "correct", (), ""),
    ("torch_gaussian_log_prob", "gaussian_log_prob", "correct", (), ""),
    ("sb3_gaussian_log_prob", "gaussian_log_prob", "correct", (), ""),
    ("rlax_gaussian_log_prob", "gaussian_log_prob", "correct", (), ""),
    ("sb3_gaussian_entropy", "gaussian_entropy", "correct", (), ""),
    ("torch_gaussian_kl", "gaussian_kl", "correct", (), ""),
    ("sb3_gaussian_kl", "gaussian_kl", "correct", (), ""),
    ("rlax_gaussian_kl", "gaussian_kl", "correct", (), ""),
    ("sb3_squashed_log_prob", "squashed_gaussian_log_prob", "convention", ("sac-squash-eps",), "ε = 1e-6 in the log"),
    ("torchrl_squashed_log_prob", "squashed_gaussian_log_prob", "unstable", (), "atanh of a rounded tanh"),
    ("sb3_categorical_log_prob", "categorical_log_prob", "correct", (), ""),
    ("sb3_categorical_entropy", "categorical_entropy", "correct", (), ""),
    ("sb3_categorical_kl", "categorical_kl", "correct", (), ""),
    ("torch_categorical_kl", "categorical_kl", "correct", (), ""),
    ("rlax:categorical_kl_divergence", "categorical_kl", "correct", (), ""),
    ("rlax_c51_projection", "c51_projection", "correct", (), ""),
    ("contrib_conjugate_gradient", "conjugate_gradient", "unstable", (), "absolute tolerance, random start"),
    ("sb3_running_moments", "running_moments", "convention", ("rms-prior-count",), "an invented first sample"),
    ("tianshou_running_moments", "running_moments", "correct", (), ""),
    ("sb3_polyak", "polyak_update", "correct", (), ""),
    ("torch_huber", "huber_loss", "correct", (), ""),
    ("rlax:huber_loss", "huber_loss", "unstable", (), "its gradient is (e − δ) + δ: small errors lose their digits"),
    ("torch_adam", "adam_step", "correct", (), ""),
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


def verdict(name, against, **options):
    from scratchrl.oracle import diagnose

    return diagnose(subject(name), against, **options)


def found(report):
    return (*report.slugs, *(line.split(" = ")[-1].split(":")[0] for line in report.conventions))


@pytest.mark.parametrize(("name", "against", "expected", "named", "why"), EXPECTED, ids=lambda value: str(value))
def test_the_verdict_on_a_published_function(name, against, expected, named, why):
    for package in ("torch", "stable_baselines3", "sb3_contrib", "tianshou", "torchrl", "rlax"):
        pytest.importorskip(package)
    report = verdict(name, against, max_examples=60)
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
