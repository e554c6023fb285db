"""What `train` can be asked: the options of a run and, beside them with no prefix, the fields of a Config."""

import dataclasses
import importlib
from dataclasses import asdict, dataclass
from pathlib import Path
from types import UnionType
from typing import Literal, Union, get_args, get_origin, get_type_hints

import scratchrl
from scratchrl.cli.errors import Refused, refusing
from scratchrl.oracle.suggestions import instead
from scratchrl.runs import settings

ALGORITHMS = {
    "reinforce": "score-function gradient with whole returns (Williams 1992)",
    "vpg": "policy gradient with a value baseline and GAE",
    "a2c": "synchronous advantage actor-critic (Mnih et al. 2016)",
    "a3c": "the same, asynchronous: workers that share one policy and never wait (Mnih et al. 2016)",
    "trpo": "trust region policy optimization (Schulman et al. 2015)",
    "ppo": "proximal policy optimization (Schulman et al. 2017)",
    "dqn": "Q-learning with a network and a replay, double by default (Mnih et al. 2015)",
    "c51": "Q-learning of the return's distribution (Bellemare et al. 2017)",
    "ddpg": "deterministic policy gradient, and TD3 by options (Lillicrap et al. 2016, Fujimoto et al. 2018)",
    "sac": "soft actor-critic, its temperature learnt (Haarnoja et al. 2018)",
    "alphazero": "self-play with a tree search and a network, for TicTacToe and ConnectFour (Silver et al. 2018)",
}
IDENTITY = ("env", "seed", "vectorization", "dtype", "threads")  # the options that decide a run's bits


@dataclass(frozen=True)
class Options:
    """A run: where it plays, where it is kept."""

    env: str = "CartPole-v1"
    """Gymnasium id of the environment."""
    seed: int = 0
    """Seed of everything random: weights, actions, minibatches, environments."""
    out: str = "runs/ENV-ALGO-SEED"
    """Folder of the run; ENV, ALGO and SEED in the default stand for what they say."""
    resume: bool = False
    """Go on with the run in --out. Its config.json rules; of the training options only --total-steps may be raised."""
    vectorization: Literal["auto", "native", "sync", "async"] = "auto"
    """How environments run side by side: the environment's own vector code, one process, or a process each."""
    dtype: Literal["float32", "float64"] = "float32"
    """Number format of observations, weights and gradients."""
    threads: int = 1
    """Threads of the matrix library."""
    checkpoint_every: float = 30.0
    """Seconds between two checkpoints; changes nothing else."""
    quiet: bool = False
    """Show no progress."""


def algorithm(name):
    """The module of an algorithm.

    Raises: Refused for an unknown name.
    """
    if name not in ALGORITHMS:
        otherwise = f"the algorithms are {', '.join(ALGORITHMS)}"
        raise Refused(f"unknown algorithm {name!r}; {instead(name, ALGORITHMS, otherwise)}")
    return importlib.import_module(f"scratchrl.algorithms.{name}")


def parse(name, module, arguments):
    """(Options, Config, settings of the run): from the flags, and on --resume from the run's own config.json."""
    options, config = _read_flags(name, arguments, Options(env=getattr(module, "ENV", Options.env)), module.Config())
    if options.out == Options.out:
        options = dataclasses.replace(options, out=_folder(name, options))
    if options.resume:
        stored = settings_of(options.out)
        _same_algorithm(name, stored, options.out)
        old_options, old_config = restored(stored, module, options.out)
        again, config = _read_flags(name, arguments, old_options, old_config)
        options = dataclasses.replace(again, out=options.out)
        _only_raised(stored, record(name, options, config), options.out)
    return options, config


def record(name, options, config):
    """The run's config.json."""
    run = {key: getattr(options, key) for key in IDENTITY}
    return {"scratchrl": scratchrl.__version__, "algorithm": name, "run": run, "config": asdict(config)}


def settings_of(folder):
    """The config.json of the run in `folder`.

    Raises: Refused if there is none or it is damaged.
    """
    with refusing(ValueError):
        return settings.read(Path(folder) / "config.json")


def restored(stored, module, folder):
    """(Options, Config) out of a config.json.

    Raises: Refused if its fields are not those of this version.
    """
    with refusing(TypeError, ValueError, prefix=f"{folder}/config.json: "):
        unknown = set(stored["run"]) ^ set(IDENTITY) | set(stored["config"]) ^ set(asdict(module.Config()))
        if unknown:
            raise ValueError(f"field {min(unknown)!r} is missing or unknown to this version of scratchrl")
        for part, kind in (("run", Options), ("config", module.Config)):
            _require_types(stored[part], kind)
        return Options(**stored["run"]), module.Config(**stored["config"])


def _require_types(values, kind):
    """Every value is of the type that the field of the dataclass `kind` is annotated with, as JSON writes it."""
    for field, annotation in get_type_hints(kind).items():
        if field in values and not any(_is_of(values[field], choice) for choice in _choices(annotation)):
            raise ValueError(f"field {field!r}: expected {annotation}, got {values[field]!r}")


def _choices(annotation):
    return get_args(annotation) if get_origin(annotation) in (Literal, Union, UnionType) else (annotation,)


def _is_of(value, choice):
    if not isinstance(choice, type) or get_origin(choice) is tuple:
        return isinstance(value, list | tuple) if get_origin(choice) is tuple else value == choice
    return type(value) is choice or (choice is float and type(value) is int)


def _read_flags(name, arguments, options, config):
    import tyro

    both = dataclasses.make_dataclass("Train", [("run", Options), (name, type(config))])
    about = f"{name}: {ALGORITHMS[name]}"
    asked = tyro.cli(both, args=arguments, default=both(options, config), prog=f"scratchrl train {name}",
                     description=about, config=(tyro.conf.OmitArgPrefixes,))  # fmt: skip
    return asked.run, getattr(asked, name)


def _folder(name, options):
    env = options.env.replace("/", "_").replace(":", "_")
    return f"runs/{env}-{name}-{options.seed}"


def _same_algorithm(name, stored, folder):
    if stored["algorithm"] != name:
        raise Refused(f"{folder}: a run of {stored['algorithm']}, not of {name}")


def _only_raised(old, new, folder):
    for part in ("run", "config"):
        for key in settings.differing(old[part], new[part]):
            if key != "total_steps" or new[part][key] < old[part][key]:
                flag, were = key.replace("_", "-"), old[part][key]
                only = "can only be raised" if key == "total_steps" else "cannot be changed on --resume"
                raise Refused(f"{folder}: --{flag} was {were}, got {new[part][key]}; it {only}")
