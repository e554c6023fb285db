"""The oracle inside somebody's pytest. Installing scratchrl registers it; it does nothing until asked.

In a test:                                      Or without one, in setup.cfg, pytest.ini or pyproject.toml:

    def test_gae(oracle):                           [tool:pytest]
        oracle(mylib.gae, "gae")                    oracle_subjects =
                                                        mylib.losses:gae against gae
                                                        mylib.losses:kl against gaussian_kl accept kl-swapped-args

`--oracle-examples` and `--oracle-seed` set how much is asked, and what.
"""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """The two options and the list of subjects."""
    group = parser.getgroup("scratchrl oracle")
    group.addoption("--oracle-examples", type=int, default=200, help="ordinary cases for every subject of the oracle")
    group.addoption("--oracle-seed", type=int, default=0, help="seed of the oracle's cases")
    lines = "functions to check, one a line: MODULE:FUNCTION against SPEC [accept SLUG ...] [role PARAMETER=ROLE ...]"
    parser.addini("oracle_subjects", lines, type="linelist", default=[])


@pytest.fixture
def oracle(request: pytest.FixtureRequest) -> Callable[..., None]:
    """`assert_matches` with the options of the command line."""
    from scratchrl.oracle import assert_matches

    return partial(assert_matches, **_asked(request.config))


def _asked(config: pytest.Config) -> dict[str, int]:
    return {"max_examples": config.getoption("--oracle-examples"), "seed": config.getoption("--oracle-seed")}


def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Every line of oracle_subjects becomes a test."""
    for line in config.getini("oracle_subjects"):
        items.append(Subject.from_parent(session, name=f"oracle[{line}]", line=line))


class Subject(pytest.Item):
    """One line of oracle_subjects."""

    def __init__(self, *, line: str, **others: Any):
        super().__init__(**others)
        self.line = line

    def runtest(self) -> None:
        """Fails with the report, or with what is wrong in the line."""
        from scratchrl.oracle import assert_matches, subjects

        sys.path[:0] = [str(self.config.rootpath)]
        name, against, accept, roles = parsed(self.line)
        assert_matches(subjects.load(name), against, roles=roles, accept=accept, **_asked(self.config))

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        """The report alone, no traceback of ours."""
        expected = isinstance(excinfo.value, AssertionError | ValueError)
        return str(excinfo.value) if expected else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """Where it comes from: the configuration."""
        return self.config.inipath or self.path, None, self.name


def parsed(line: str) -> tuple[str, str, dict[str, str], dict[str, str]]:
    """A line of oracle_subjects: (MODULE:FUNCTION, spec, accepted slugs with their reasons, roles).

    Raises: ValueError for a line that is not of that form.

    >>> parsed("a:f against gae accept x role d=dones")
    ('a:f', 'gae', {'x': 'declared in oracle_subjects'}, {'d': 'dones'})
    """
    words = line.split()
    if len(words) < 3 or words[1] != "against" or len(words) % 2 == 0:
        form = "'MODULE:FUNCTION against SPEC [accept SLUG] [role PARAMETER=ROLE]'"
        raise ValueError(f"oracle_subjects: expected {form}, got {line!r}")
    accept, roles = {}, {}
    for key, value in _twos(words[3:]):
        if key == "accept":
            accept[value] = "declared in oracle_subjects"
        elif key == "role" and "=" in value:
            parameter, _, role = value.partition("=")
            roles[parameter] = role
        else:
            raise ValueError(f"oracle_subjects: expected 'accept SLUG' or 'role PARAMETER=ROLE', got '{key} {value}'")
    return words[0], words[2], accept, roles


def _twos(words: list[str]) -> Iterator[tuple[str, str]]:
    return zip(words[::2], words[1::2], strict=True)
