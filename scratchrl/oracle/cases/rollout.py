"""Cases of collectors: a script for a few environments, and how many steps to collect."""

from hypothesis import strategies as st

from scratchrl.oracle.cases.returns import DISCOUNTS
from scratchrl.oracle.scripted import FLAGS, NEXT_STEP, SAME_STEP, Episode, Script
from scratchrl.oracle.scripted_agent import policy, value

MODES = (SAME_STEP, NEXT_STEP)


@st.composite
def scripts(draw, streams=(1, 3), length=(1, 4), ends=tuple(FLAGS), modes=MODES, fewest=0):
    """Environments with up to four episodes each; after them one that does not end."""
    episode = st.builds(Episode, st.integers(*length), st.sampled_from(ends))
    stream = st.lists(episode, min_size=fewest, max_size=4).map(tuple)
    environments = draw(st.lists(stream, min_size=streams[0], max_size=streams[1]))
    return Script(draw(st.sampled_from(modes)), tuple(environments))


@st.composite
def rollouts(draw, steps=(1, 6), **options):
    """The canonical case of a collector."""
    case = {"script": draw(scripts(**options)), "policy": policy, "value": value}
    return case | {"steps": draw(st.integers(*steps)), "gamma": draw(st.sampled_from(DISCOUNTS))}


TAME = {
    "scripted environments": rollouts(),
    "environments that often end": rollouts(streams=(2, 3), length=(1, 2), fewest=2, steps=(3, 6)),
}
EDGES = {
    "one step": rollouts(steps=(1, 1)),
    "one environment": rollouts(streams=(1, 1)),
    "every step ends an episode": rollouts(length=(1, 1), fewest=3),
    "time limits only": rollouts(ends=("truncated",), fewest=1),
    "terminated and truncated at once": rollouts(ends=("both",), fewest=1),
    "no ends": rollouts(ends=("terminated",), length=(9, 9)),
}
