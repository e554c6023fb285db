r"""Returns from the data of another policy, corrected by importance ratios and kept finite by truncating them.

Legend and conventions as in returns.py; ρ_t = π(a_t|s_t)/μ(a_t|s_t), π the policy asked about, μ the one that acted.
"""

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths.constants import exact
from scratchrl.maths.returns import check, reverse_scan


def vtrace(
    log_rho: NDArray,
    reward: NDArray,
    value: NDArray,
    next_value: NDArray,
    terminated: NDArray,
    truncated: NDArray,
    gamma: float,
    lam: float = 1.0,
    rho_bar: float = 1.0,
    c_bar: float = 1.0,
) -> tuple[NDArray, NDArray]:
    r"""V-trace: value targets and policy-gradient advantages for data of another policy, ρ_t = π(a_t|s_t)/μ(a_t|s_t).

    With ρ̂ = min(ρ̄, ρ), ĉ = λ min(c̄, ρ) and δ_t = ρ̂_t (r_t + γ m_t v′_t − v_t), the correction g = vs − v obeys

        g_t = δ_t + γ ĉ_t c_t g_{t+1}                                                  (1)
        vs_t = v_t + g_t                                                               (2)
        A_t = ρ̂_t (r_t + γ m_t vs_{t+1} − v_t),  vs_{t+1} = v′_t + c_t g_{t+1}         (3)

    ρ̄ decides which value function is the fixed point (∞: that of π; →0: that of μ), c̄ only how far corrections
    travel. On-policy data (ρ = 1) with λ = 1 give the bootstrapped reward-to-go. Across a cut nothing leaks: vs_{t+1}
    is then v′ alone.

    Args:
      log_rho: log ratio, new over behaviour; the others as for `gae`.
    Returns:
      (vs, advantage), like reward.
    Paper: Espeholt et al. (2018), IMPALA, eq. 1 and section 4.2.

    Checked in tests/maths/test_returns.py: on-policy equality, the double sum of the paper, cuts.

    >>> no = np.zeros(2, bool)
    >>> vs, _ = vtrace(np.zeros(2), np.array([1.0, 2.0]), np.array([1.0, 8.0]), np.array([8.0, 4.0]), no, no, 0.5)
    >>> vs
    array([3., 4.])
    """
    check(reward, log_rho=log_rho, value=value, next_value=next_value, terminated=terminated, truncated=truncated)
    gamma, lam = exact(gamma, reward), exact(lam, reward)
    ratio = np.exp(log_rho)
    rho = np.minimum(rho_bar, ratio)
    goes_on = ~(terminated | truncated)
    delta = rho * (reward + gamma * (~terminated * next_value) - value)
    gap = reverse_scan(delta, gamma * lam * np.minimum(c_bar, ratio) * goes_on)  # (1)
    next_vs = next_value + goes_on * np.concatenate([gap[1:], 0 * gap[-1:]])
    return value + gap, rho * (reward + gamma * (~terminated * next_vs) - value)  # (2), (3)
