"""How outsiders hand over the ends of episodes: five forms of a flag, each with up to three meanings.

    dones            done_t                     masks        1 − done_t
    episode_starts   done_{t−1}, done_{−1} = 1  masks_tp1    1 − done_{t−1}, length T+1
    discount_t       γ (1 − done_t)

Alone, a flag is told of either end as a termination: the bootstrap at a truncation is then for the caller to fold into
the reward. Beside `truncated` it may mean the termination alone or either end; both readings are tried.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from scratchrl.oracle.roles import Case, Role, plain

TERMINATIONS = ("terminated", "dones", "dones_tp1", "masks", "masks_tp1", "episode_starts", "discount_t")


class Form(NamedTuple):
    """One way to write a flag f of shape (T, …)."""

    name: str
    aliases: tuple[str, ...]
    encode: Callable[[Any, Case], Any]  # f, canonical case -> what is given
    decode: Callable[[Case], Any]  # everything given, by role name -> f
    flags: bool = False
    needs: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()


def either_end(case: Case) -> Any:
    """terminated ∨ truncated."""
    return case["terminated"] | case["truncated"]


def roles(form: Form) -> tuple[Role, ...]:
    """The three meanings of a flag, likeliest first."""
    return (_alone(form), _termination(form), _either(form))


def _alone(form: Form) -> Role:
    return _role(
        form,
        lambda case: form.encode(either_end(case), case),
        lambda given: {"terminated": form.decode(given)},
        excludes=("truncated", "bad_masks"),
    )


def _termination(form: Form) -> Role:
    return _role(
        form,
        lambda case: form.encode(case["terminated"], case),
        lambda given: {"terminated": form.decode(given)},
        needs=("truncated",),
    )


def _either(form: Form) -> Role:
    return _role(
        form,
        lambda case: form.encode(either_end(case), case),
        lambda given: {"terminated": form.decode(given) & ~given["truncated"]},
        needs=("truncated",),
    )


def _role(form: Form, give: Any, means: Any, needs: tuple[str, ...] = (), excludes: tuple[str, ...] = ()) -> Role:
    rivals = tuple(name for name in TERMINATIONS if name != form.name)
    with_gamma = form.name == "discount_t"
    return Role(
        form.name, form.aliases, ("terminated", "gamma") if with_gamma else ("terminated",), give,
        (lambda given: means(given) | {"gamma": np.max(given["discount_t"])}) if with_gamma else means,
        needs=form.needs + needs, excludes=rivals + form.excludes + excludes, flags=form.flags,
    )  # fmt: skip


def _before(flag: Any, first: Any) -> Any:
    return np.concatenate([np.full_like(flag[:1], first), flag])


def _last_flag(given: Case) -> Any:
    last = given.get("last_done")
    return np.zeros_like(given["episode_starts"][:1]) if last is None else np.asarray(last)[None]


TERMINATED = plain(
    "terminated", "terminateds", "terminations", "termination", "terminal", "terminals", "term",
    flags=True, excludes=tuple(name for name in TERMINATIONS if name != "terminated"),
)  # fmt: skip
TRUNCATED = plain(
    "truncated", "truncateds", "truncations", "truncation", "timeouts", "time_limits", "trunc", "timeout", flags=True
)
DONE_FLAGS = Form(
    "dones", ("done", "d", "dones_t", "ends", "end_flag", "end_flags", "done_t", "terminal", "terminals",
              "is_terminal", "is_terminals", "is_done"),
    lambda flag, case: flag, lambda given: given["dones"], flags=True,
)  # fmt: skip
MASKS = Form(
    "masks", ("mask", "not_done", "not_dones", "nonterminal", "nonterminals", "nonterminal_t", "notdone", "notdones",
              "undones", "undone", "continues", "continuation", "cont", "discount", "discounts", "discount_t",
              "next_non_terminal"),
    lambda flag, case: 1.0 - flag, lambda given: given["masks"] == 0, needs=("gamma",),
)  # fmt: skip
DONES_TP1 = Form(
    "dones_tp1", (), lambda flag, case: _before(flag, True), lambda given: given["dones_tp1"][1:], flags=True
)
MASKS_TP1 = Form(
    "masks_tp1", ("masks", "mask"),
    lambda flag, case: 1.0 - _before(flag, False), lambda given: given["masks_tp1"][1:] == 0,
    needs=("gamma", "values_and_last"),
)  # fmt: skip
STARTS = Form(
    "episode_starts", ("episode_start", "starts", "firsts", "is_first", "dones_before"),
    lambda flag, case: _before(flag, True)[:-1],
    lambda given: np.concatenate([given["episode_starts"][1:], _last_flag(given)]),
    flags=True,
)  # fmt: skip
STARTS_CALLED_DONES = STARTS._replace(aliases=("dones", "done"), needs=("last_done",))
DISCOUNT_T = Form(
    "discount_t", ("discounts", "discount", "discounts_t", "pcontinues", "gammas", "discount_tp1"),
    lambda flag, case: case["gamma"] * (1.0 - flag), lambda given: given["discount_t"] == 0, excludes=("gamma",),
)  # fmt: skip
LAST_DONE = Role(
    "last_done", ("next_done", "last_dones", "next_dones", "final_done", "done", "dones"), (),
    lambda case: either_end(case)[-1], lambda given: {}, flags=True, needs=("episode_starts",),
)  # fmt: skip
BAD_MASKS = Role(
    "bad_masks", ("bad_mask",), ("truncated",),
    lambda case: 1.0 - _before(case["truncated"], False), lambda given: {"truncated": given["bad_masks"][1:] == 0},
    needs=("masks_tp1",), excludes=("truncated",),
)  # fmt: skip
MASKS_BESIDE_BAD = roles(MASKS_TP1)[0]._replace(
    means=lambda given: {"terminated": MASKS_TP1.decode(given) & (given["bad_masks"][1:] != 0)},
    needs=("bad_masks",), excludes=("truncated",),
)  # fmt: skip
ENDS = Role(
    "ends", ("done", "dones", "end_flag", "end_flags", "episode_end", "d"), ("truncated",), either_end,
    lambda given: {"truncated": given["ends"] & ~given["terminated"]},
    needs=("terminated",), excludes=("truncated",), flags=True,
)  # fmt: skip
ENDS_ALONE = ENDS._replace(
    means=lambda given: {"truncated": given["ends"]},
    needs=("masked_next_value",), excludes=("truncated", *TERMINATIONS),
)  # fmt: skip

FORMS = (DONE_FLAGS, DONES_TP1, MASKS, MASKS_TP1, STARTS, STARTS_CALLED_DONES, DISCOUNT_T)
ENDS_OF_EPISODES = (
    TERMINATED, TRUNCATED, *(role for form in FORMS for role in roles(form)),
    LAST_DONE, BAD_MASKS, MASKS_BESIDE_BAD, ENDS, ENDS_ALONE,
)  # fmt: skip
