r"""KL(old‖new) from the log-probabilities of samples x ~ old: three estimators, and what their gradients estimate.

With d = log p(x) − log p_old(x), ρ = eᵈ = p/p_old, s = ∇_θ log p(x) (the score of the new policy) and ∇k = k′(d) s,
everything below follows from E_old[f ρ] = E_new[f], E_old[ρ] = 1 and E_new[s] = 0:

    estimator        k′       E_old[k]                E_old[∇k]           E_new[∇k]          sample by sample
    k1 = −d          −1       KL(old‖new)             ∇KL(old‖new)        0                  either sign
    k2 = ½ d²        d        KL − E[d³]/6 − …        ½∇E_old[d²]         ∇KL(new‖old)       ≥ 0
    k3 = eᵈ − 1 − d  eᵈ − 1   KL(old‖new)             ∇KL(old‖new)        ½∇χ²(new‖old)      ≥ 0

k1:  E_old[−d] is the definition of KL(old‖new). Its samples do not depend on θ, so the gradient goes inside.
k3:  k1 plus the control variate ρ − 1 of mean 0 under old; its gradient too has mean 0, E_old[ρ s] = E_new[s] = 0.
k2:  E_old[eᵈ] = 1 reads E[d + d²/2 + d³/6 + …] = 0: k2 is KL(old‖new) but for the third order, a bias.
     Under samples of *new* its gradient is exact: ∇KL(new‖old) = E_new[d s] + E_new[s] = E_new[d s].

The column E_new[∇k] is what samples of the wrong policy give. At old = new the two columns agree: k1′ is pure noise of
mean 0 there, while k2′ and k3′ vanish sample by sample. With weights, E_new[f] = E_old[ρ f]. And χ²(new‖old) is
E_old[ρ²] − 1, whose gradient is 2 E_old[ρ² s] = 2 E_new[ρ s].

Nothing is averaged here: the caller's 1/B stands where the loss is. For KL(new‖old) from x ~ new, exchange the two
arguments for the value; the derivative with respect to the new log-probability is then another function.

Checked in tests/maths/test_kl_estimators.py: every cell of the table exactly, by summing over a categorical's outcomes;
each k′ is the complex-step derivative of its k.
Paper: Schulman (2020), Approximating KL Divergence (joschu.net/blog/kl-approx.html).
"""

import numpy as np

from scratchrl.maths.exponential import exp_excess


def k1(log_prob, log_prob_old):
    """k1 = −d, unbiased for KL(old‖new) under x ~ old; its standard deviation is of order d, its mean of order d².

    Args:
      log_prob, log_prob_old: of the same samples under the new and the old policy, (B,), in nats.
    Returns:
      (B,), nats.

    >>> k1(np.array([-1.0]), np.array([-3.0]))
    array([-2.])
    """
    return -(log_prob - log_prob_old)


def k1_grad(log_prob, log_prob_old):
    """∂k1/∂log p = −1 for every sample; (B,).

    >>> k1_grad(np.array([-1.0]), np.array([-3.0]))
    array([-1.])
    """
    return -np.ones_like(log_prob - log_prob_old)


def k2(log_prob, log_prob_old):
    """k2 = ½ d², biased from the third order of d on, never negative.

    Args:
      log_prob, log_prob_old: (B,), as in `k1`.
    Returns:
      (B,), nats.

    >>> k2(np.array([-1.0]), np.array([-3.0]))
    array([2.])
    """
    return (log_prob - log_prob_old) ** 2 / 2


def k2_grad(log_prob, log_prob_old):
    """∂k2/∂log p = d; (B,).

    >>> k2_grad(np.array([-1.0]), np.array([-3.0]))
    array([2.])
    """
    return log_prob - log_prob_old


def k3(log_prob, log_prob_old):
    """k3 = (ρ − 1) − log ρ = eᵈ − 1 − d, unbiased, never negative (log ρ ≤ ρ − 1), of order d² sample by sample.

    `exp_excess` keeps its digits at small d, where eᵈ − 1 − d would leave the rounding errors of d.

    Args:
      log_prob, log_prob_old: (B,), as in `k1`.
    Returns:
      (B,), nats.

    >>> k3(np.array([np.log(0.5)]), np.array([np.log(0.25)])).round(4)  # ρ = 2: 2 − 1 − log 2
    array([0.3069])
    """
    return exp_excess(log_prob - log_prob_old)


def k3_grad(log_prob, log_prob_old):
    """∂k3/∂log p = eᵈ − 1 = ρ − 1; (B,).

    >>> k3_grad(np.array([np.log(0.5)]), np.array([np.log(0.25)]))
    array([1.])
    """
    return np.expm1(log_prob - log_prob_old)
