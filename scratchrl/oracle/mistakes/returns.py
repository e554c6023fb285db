"""Mistakes and conventions of returns without a bootstrap, of the λ-return, and of how their arrays are indexed."""

import numpy as np

from scratchrl.oracle.mistake import BUG, CONVENTION, EITHER, mistake
from scratchrl.oracle.shifted import earlier, episode_start, later


@mistake("rtg-episode-leak", "reward_to_go", BUG, "nikhilbarhate99/PPO-PyTorch#8", "pytorch/examples#1422")
def one_sum_over_all_episodes(reward_to_go, terminated, truncated, **rest):
    """R̂_t = r_t + γ R̂_{t+1}

    One sum runs back over all rows, and rewards of later episodes leak into earlier ones. Start anew where an episode
    ends.
    """
    return reward_to_go(terminated=terminated & False, truncated=truncated & False, **rest)


@mistake("rtg-reset-after-append", "reward_to_go", BUG, "nikhilbarhate99/PPO-PyTorch@6c9a2ef")
def reset_on_the_wrong_side(reward_to_go, terminated, truncated, **rest):
    """R̂_t = r_t + γ (1 − done_{t+1}) R̂_{t+1}

    Walking backwards, the running sum is emptied after the last step of an episode was stored, so that step gets the
    rewards of the next episode and the step before it loses its own. Empty the sum first. The same numbers as
    gae-mask-shift+1.
    """
    none = np.zeros_like(terminated[:1])
    return reward_to_go(terminated=later(terminated, none), truncated=later(truncated, none), **rest)


@mistake(
    "rtg-forward-discount", "reward_to_go", BUG, "hunkim/ReinforcementZeroToAll#1",
    variants=({"restarts": 0.0}, {"restarts": 1.0}),
)  # fmt: skip
def discounted_rewards_without_their_sum(reward_to_go, reward, terminated, truncated, gamma, restarts):
    """R̂_t = γ^t r_t

    Each reward is discounted, but nothing is summed.
    """
    return gamma ** _age(terminated | truncated, restarts) * reward


@mistake(
    "rtg-total-return", "reward_to_go", CONVENTION,
    "udacity/deep-reinforcement-learning#42", "google-research/recsim_ng#3",
)  # fmt: skip
def whole_return_at_every_step(reward_to_go, terminated, truncated, **rest):
    """R̂_t := R̂ of the first step of the episode

    Every step is weighted with the whole return. Unbiased as a weight of the score, with more variance.
    """
    to_go = reward_to_go(terminated=terminated, truncated=truncated, **rest)
    return np.take_along_axis(to_go, episode_start(terminated | truncated), axis=0)


@mistake("rtg-past-sum", "reward_to_go", BUG, "mohmdelsayed/streaming-drl#3", "openai/gym#3152")
def sum_of_the_past(reward_to_go, reward, terminated, truncated, gamma):
    """R̂_t = Σ_{k≤t} γ^{t−k} r_k

    The sum runs over what an action could no longer change. Walk backwards.
    """
    began = earlier(terminated | truncated, True)
    return reward_to_go(reward[::-1], began[::-1], truncated & False, gamma)[::-1]


@mistake("rtg-past-sum", "discounted_return", BUG, "mohmdelsayed/streaming-drl#3")
def last_reward_counts_most(discounted_return, reward, gamma):
    """R = Σ_t γ^{T−1−t} r_t

    The last reward counts in full and the first is discounted most.
    """
    return discounted_return(reward[::-1], gamma)


@mistake("return-first-reward-discounted", ("discounted_return", "reward_to_go"), BUG)
def one_discount_too_many(right, gamma, **rest):
    """R = Σ_t γ^{t+1} r_t

    Every reward is discounted once more than it should be, as by R ← γ (R + r). The first one counts in full.
    """
    return gamma * right(gamma=gamma, **rest)


@mistake(
    "pg-gamma-t", "reward_to_go", CONVENTION,
    "pytorch/examples#744", "facebookresearch/Pearl#46", "ufal/npfl122#117",
    variants=({"restarts": 1.0}, {"restarts": 0.0}),
)  # fmt: skip
def discounted_from_the_start(reward_to_go, terminated, truncated, gamma, restarts, **rest):
    """R̂_t = γ^t Σ_{k≥0} γ^k r_{t+k}

    With the factor γ^t the policy gradient is that of the discounted objective. Most implementations leave it out
    (pg-missing-gamma-t), and so does the reference.
    """
    to_go = reward_to_go(terminated=terminated, truncated=truncated, gamma=gamma, **rest)
    return gamma ** _age(terminated | truncated, restarts) * to_go


@mistake(
    "pg-missing-gamma-t", "reward_to_go", CONVENTION,
    "pytorch/examples#744", "facebookresearch/Pearl#46", "ufal/npfl122#117",
    equivalent="R̂_t without the factor γ^t is the reference; the other choice is pg-gamma-t",
)  # fmt: skip
def not_discounted_from_the_start(reward_to_go, **case):
    """weight of ∇ log π_t: R̂_t instead of γ^t R̂_t

    Not the gradient of the discounted objective, and what nearly everybody does.
    """
    return reward_to_go(**case)


@mistake("lambda-return-partial-mask", "lambda_return", BUG, "vwxyzjn/cleanrl#494", "vwxyzjn/cleanrl@1ed80620")
def mask_on_the_bootstrap_only(lambda_return, next_value, terminated, truncated, **rest):
    """G_t = r_t + γ (λ G_{t+1} + (1 − λ) (1 − term_t) v′_t)

    The mask covers the bootstrap and not the return of the next row, which leaks over the end of the episode with
    weight λ. Mask the whole bracket. The same numbers as gae-no-recursion-mask.
    """
    return lambda_return(
        next_value=~terminated * next_value, terminated=terminated & False, truncated=truncated & False, **rest
    )


@mistake(
    "reward-index-shift", ("discounted_return", "reward_to_go", "lambda_return", "gae", "vtrace"), EITHER,
    "EdanToledo/Stoix@7abf01c", "Farama-Foundation/Gymnasium#389", "conglu1997/v-d4rl#8",
    variants=({"by": 1.0}, {"by": -1.0}),
)  # fmt: skip
def reward_of_another_row(right, reward, by, **rest):
    """r_t := r_{t+1}, or r_{t−1}

    Sutton and Barto call the reward that follows action t r_{t+1}, most code calls it r_t. Either is fine; here the
    array follows one and the index the other, and every reward is one step off.
    """
    moved = later(reward, 0 * reward[-1:]) if by > 0 else earlier(reward, 0 * reward.flat[0])
    return right(reward=moved, **rest)


@mistake(
    "return-layout-scramble", ("reward_to_go", "n_step_return", "lambda_return", "gae", "vtrace"), BUG,
    "pytorch/rl#2087", "pytorch/rl@61c42e46c", "pytorch/rl#2089", "pytorch/rl@acf168e2a",
)  # fmt: skip
def reshaped_where_transposed_was_meant(right, **case):
    """x.reshape(N, T) of arrays (T, N), and back

    A reshape does not move the time axis: rows of different streams are glued into trajectories that never were.
    Transpose first.
    """
    steps, streams = case["reward"].shape
    glued = {k: v.reshape(streams, steps).T if np.ndim(v) == 2 else v for k, v in case.items()}
    outputs = right(**glued)
    if not isinstance(outputs, tuple):
        return outputs.T.reshape(steps, streams)
    return tuple(output.T.reshape(steps, streams) for output in outputs)


def _age(done, restarts):
    """Steps since the first row of the episode, or of the array."""
    row = np.broadcast_to(np.arange(len(done)).reshape(-1, *[1] * (done.ndim - 1)), done.shape)
    return row - episode_start(done) if restarts else row
