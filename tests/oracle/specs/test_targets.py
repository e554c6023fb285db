"""Targets, C51 and quantile regression as other people write them: called what they are."""

import numpy as np
import pytest

from scratchrl.oracle.diagnosis import diagnose


def judged(subject, against, **options):
    return diagnose(subject, against, max_examples=60, **options)


# ---- right ----


def columns(rewards, next_q_values, dones, gamma=0.99):
    best = next_q_values.max(axis=1).reshape(-1, 1)
    return rewards + (1 - dones) * gamma * best


def maximum_given(rewards, target_max, dones, gamma):
    return rewards.flatten() + gamma * target_max * (1 - dones.flatten())


def discount_instead_of_flags(r_t, discount_t, q_t):
    return r_t + discount_t * q_t.max(axis=-1)


def sample_by_sample(batch_rewards, q_next, terminals, gamma):
    targets = []
    for reward, row, over in zip(batch_rewards, q_next, terminals, strict=True):
        targets.append(reward if over else reward + gamma * max(row))
    return targets


def both_flags(reward, next_q, terminated, truncated, gamma):
    return np.where(terminated, reward, reward + gamma * np.amax(next_q, 1))


def chosen_by_online(rewards, next_q_online, next_q_target, dones, gamma):
    action = np.argmax(next_q_online, axis=1)
    return rewards + gamma * next_q_target[np.arange(len(action)), action] * np.logical_not(dones)


def action_given(reward, target_q, next_actions, mask, gamma):
    rows = np.arange(len(reward))
    return reward + gamma * mask * target_q[rows, next_actions]


def smaller_of_columns(rewards, next_q_values, next_log_prob, dones, gamma, ent_coef):
    smaller = next_q_values.min(axis=1, keepdims=True)
    return rewards + (1 - dones) * gamma * (smaller - ent_coef * next_log_prob)


def two_critics(r, q1_pi_targ, q2_pi_targ, logp_a2, d, gamma, alpha):
    return r + gamma * (1 - d) * (np.minimum(q1_pi_targ, q2_pi_targ) - alpha * logp_a2)


def logarithm_of_the_temperature(rew, min_qf_next_target, next_state_log_pi, done, gamma, log_alpha):
    soft = min_qf_next_target - np.exp(log_alpha) * next_state_log_pi
    return rew + np.where(done, 0.0, gamma * soft)


def two_targets(reward, target_q1, target_q2, not_done, discount):
    return reward + not_done * discount * np.minimum(target_q1, target_q2)


def actor_critic(reward, next_q, dones, gamma):
    return reward + gamma * (1.0 - dones) * next_q


RIGHT = [
    (columns, "dqn_target"),
    (maximum_given, "dqn_target"),
    (discount_instead_of_flags, "dqn_target"),
    (both_flags, "dqn_target"),
    (chosen_by_online, "double_dqn_target"),
    (action_given, "double_dqn_target"),
    (smaller_of_columns, "sac_target"),
    (two_critics, "sac_target"),
    (logarithm_of_the_temperature, "sac_target"),
    (actor_critic, "ddpg_target"),
]


@pytest.mark.parametrize(("subject", "against"), RIGHT)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_right_targets_are_correct(subject, against, dtype):
    report = judged(subject, against, dtype=dtype)
    assert report.verdict == "correct", str(report)


def test_a_list_of_targets_and_a_name_that_has_to_be_explained():
    report = judged(sample_by_sample, "dqn_target", roles={"batch_rewards": "reward"})
    assert report.verdict == "correct", str(report)


def test_a_discount_beside_a_mask_is_gamma():
    report = judged(two_targets, "clipped_double_q_target", roles={"discount": "gamma"})
    assert report.verdict == "correct", str(report)


def masked_by_the_caller(rew, next_q, gamma):
    return rew + gamma * next_q.max(axis=1)


def test_who_never_sees_a_flag_is_right_if_the_caller_masks_and_is_told_so():
    report = judged(masked_by_the_caller, "dqn_target")
    assert report.verdict == "convention"
    assert "0 where the episode terminated" in report.conventions[0]
    assert not report.slugs


# ---- C51 ----


def by_index(next_pmfs, rewards, dones, gamma, v_min, v_max):
    count = next_pmfs.shape[1]
    atoms = np.linspace(v_min, v_max, count)
    spacing = atoms[1] - atoms[0]
    b = (np.clip(rewards + gamma * atoms * (1 - dones), v_min, v_max) - v_min) / spacing
    low, high = np.floor(b).clip(0, count - 1), np.ceil(b).clip(0, count - 1)
    to_low, to_high = (high + (low == high) - b) * next_pmfs, (b - low) * next_pmfs
    target = np.zeros_like(next_pmfs)
    for i in range(len(target)):
        np.add.at(target[i], low[i].astype(int), to_low[i])
        np.add.at(target[i], high[i].astype(int), to_high[i])
    return target


def by_hat(rewards, probs, terminals, gamma, support):
    moved = np.clip(rewards[:, None] + gamma * (1.0 - terminals)[:, None] * support, support[0], support[-1])
    share = 1 - np.abs(moved[:, None, :] - support[:, None]) / (support[1] - support[0])
    return np.einsum("bij,bj->bi", np.clip(share, 0, 1), probs)


def neighbours_moved_apart(next_dist, reward, done, gamma, v_min, v_max, num_atoms):
    spacing = (v_max - v_min) / (num_atoms - 1)
    z = v_min + spacing * np.arange(num_atoms)
    result = np.zeros((len(reward), num_atoms))
    for row in range(len(reward)):
        for j in range(num_atoms):
            position = (min(v_max, max(v_min, reward[row] + gamma * (1 - done[row]) * z[j])) - v_min) / spacing
            low, high = int(np.floor(position)), int(np.ceil(position))
            if low == high and high > 0:
                low -= 1
            elif low == high:
                high += 1
            result[row, low] += next_dist[row, j] * (high - position)
            if high < num_atoms:
                result[row, high] += next_dist[row, j] * (position - low)
    return result


@pytest.mark.parametrize("subject", [by_index, by_hat, neighbours_moved_apart])
def test_right_projections_are_correct(subject):
    report = judged(subject, "c51_projection")
    assert report.verdict == "correct", str(report)


def floor_and_ceil(next_dist, reward, done, gamma, v_min, v_max):
    count = next_dist.shape[1]
    spacing = (v_max - v_min) / (count - 1)
    moved = (reward + (1 - done) * gamma * np.linspace(v_min, v_max, count)).clip(v_min, v_max)
    b = (moved - v_min) / spacing
    low, high = np.floor(b).astype(int), np.ceil(b).astype(int)
    target = np.zeros_like(next_dist)
    rows = np.arange(len(b))[:, None]
    np.add.at(target, (rows, low), next_dist * (high - b))
    np.add.at(target, (rows, high), next_dist * (b - low))
    return target


def test_mass_lost_on_whole_positions_is_named_in_columns_too():
    report = judged(floor_and_ceil, "c51_projection")
    assert report.verdict == "wrong"
    assert report.slugs[:1] == ("c51-integer-mass-loss",), str(report)
    assert "no mass is lost" in report.identities


def clamped_log(old_pmfs, target_pmfs):
    return -(target_pmfs * np.log(old_pmfs.clip(1e-5, 1 - 1e-5))).sum(-1).mean()


def with_its_gradient(p, target):
    return -(target * np.log(p)).sum(axis=1).mean(), -target / p / len(p)


def log_softmax(logits, target_probs):
    shifted = logits - logits.max(-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return -(target_probs * log_p).sum(1).mean()


def test_losses_of_c51():
    for right in (log_softmax, with_its_gradient):
        assert judged(right, "c51_loss").verdict == "correct"
    report = judged(clamped_log, "c51_loss")
    assert report.verdict == "convention", str(report)
    assert report.slugs[:1] == ("c51-prob-clamp",)


# ---- quantiles ----


def pairwise(current_quantiles, target_quantiles):
    count = current_quantiles.shape[1]
    tau = ((np.arange(count) + 0.5) / count)[None, :, None]
    delta = target_quantiles[:, None, :] - current_quantiles[:, :, None]
    size = np.abs(delta)
    huber = np.where(size > 1, size - 0.5, delta**2 * 0.5)
    return (np.abs(tau - (delta < 0)) * huber).sum(axis=1).mean()


def pairwise_mean(current_quantiles, target_quantiles):
    return pairwise(current_quantiles, target_quantiles) / current_quantiles.shape[1]


def test_quantile_losses_with_their_reductions():
    assert judged(pairwise, "quantile_huber_loss").verdict == "correct"
    report = judged(pairwise_mean, "quantile_huber_loss")
    assert (report.verdict, report.slugs[:1]) == ("convention", ("qr-reduction",)), str(report)


def best_action_first(rewards, next_quantiles, dones, gamma):
    best = next_quantiles.mean(axis=1).argmax(axis=1)
    return rewards + (1 - dones) * gamma * next_quantiles[np.arange(len(best)), :, best]


def best_quantiles(rewards, next_quantiles, dones, gamma):
    return rewards + (1 - dones) * gamma * next_quantiles.max(axis=2)


def test_quantile_targets_with_actions_on_the_last_axis():
    report = judged(best_action_first, "quantile_target")
    assert report.verdict == "convention", str(report)
    assert not report.slugs
    report = judged(best_quantiles, "quantile_target")
    assert (report.verdict, report.slugs[:1]) == ("wrong", ("qr-max-per-quantile",)), str(report)


# ---- wrong ----


def timeouts_are_terminal(rewards, next_q_values, terminated, truncated, gamma):
    return rewards + gamma * next_q_values.max(axis=1) * (1.0 - np.logical_or(terminated, truncated))


def added_mask(reward, next_value, mask, gamma):
    return reward + gamma * mask + next_value


def one_network(rewards, next_q_online, next_q_target, dones, gamma):
    best = next_q_target.argmax(axis=1)
    return rewards + gamma * (1 - dones) * next_q_target[np.arange(len(best)), best]


def entropy_for_the_dead(rewards, next_q1, next_q2, next_log_prob, dones, gamma, alpha):
    return rewards + gamma * (1 - dones) * np.minimum(next_q1, next_q2) - alpha * next_log_prob


WRONG = [
    (timeouts_are_terminal, "dqn_target", "target-trunc-masked"),
    (added_mask, "ddpg_target", "target-mask-plus"),
    (one_network, "double_dqn_target", "ddqn-is-dqn"),
    (entropy_for_the_dead, "sac_target", "sac-entropy-outside-mask"),
]


@pytest.mark.parametrize(("subject", "against", "slug"), WRONG)
def test_wrong_targets_are_named(subject, against, slug):
    report = judged(subject, against)
    assert (report.verdict, report.slugs[:1]) == ("wrong", (slug,)), str(report)
    assert report.identities or slug == "ddqn-is-dqn"


def test_two_mistakes_at_once_are_both_named():
    def both(rewards, next_q_values, gamma, dones, time_limits):
        return dones * 0 + rewards + gamma * next_q_values.max()

    report = judged(both, "dqn_target")
    assert report.verdict == "wrong"
    assert set(report.slugs) == {"dqn-max-all", "target-no-mask"}, str(report)
