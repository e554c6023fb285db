"""The command line: `python -m scratchrl COMMAND ...`, or `scratchrl COMMAND ...`.

A command is imported when it is called, so that `--help` answers at once. Exit codes: 0 done; 1 a claim of `verify`
failed, a function is not what `check` expects, or training met a NaN; 2 a request that cannot be served (one line says
why); 130 interrupted; 141 nobody reads on, as after `| head`.
"""

import importlib
import sys

import scratchrl
from scratchrl.cli import pipes
from scratchrl.cli.errors import Refused, explain
from scratchrl.oracle.suggestions import instead

COMMANDS = {  # name -> (module, function, what it does)
    "train": ("scratchrl.cli.train", "train", "train an algorithm, leave a run behind; --resume goes on with it"),
    "evaluate": ("scratchrl.cli.evaluate", "evaluate", "play a run's policy: mean return and its interval, --video"),
    "plot": ("scratchrl.cli.plot", "plot", "draw runs over environment steps, with bands over seeds"),
    "verify": ("scratchrl.cli.verify", "verify", "check every derivative, identity and accuracy claim"),
    "check": ("scratchrl.cli.check", "check", "compare somebody's function with a spec and name its mistake"),
    "replay": ("scratchrl.cli.replay", "replay", "recompute a recorded update of another library, stage by stage"),
    "specs": ("scratchrl.cli.catalogue", "specs", "what can be checked"),
    "mistakes": ("scratchrl.cli.catalogue", "mistakes", "the catalogue of known mistakes and conventions"),
    "bench": ("scratchrl.cli.bench", "bench", "how fast the hot paths are, beside peers and the hardware"),
    "vectors": ("scratchrl.cli.vectors", "vectors", "write the specs as test vectors for other languages"),
}


def main(arguments=None):
    """Runs one command and returns the exit code."""
    try:
        try:
            return _served(list(sys.argv[1:] if arguments is None else arguments))
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        return pipes.hang_up()


def _served(arguments):
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage())
        return 0 if arguments else 2
    if arguments[0] == "--version":
        print(scratchrl.__version__)
        return 0
    try:
        return _command(arguments[0])(arguments[1:])
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        line = explain(error)
        if line is None or pipes.unread(error):
            raise
        print(f"scratchrl: {line}", file=sys.stderr)
        return 2


def usage():
    """The text of --help."""
    lines = [f"  {name:<10}{about}" for name, (_, _, about) in COMMANDS.items()]
    head = ["usage: scratchrl COMMAND ...", "", scratchrl.__doc__.strip(), "", "commands:"]
    return "\n".join([*head, *lines, "", "scratchrl COMMAND --help says more about each."])


def _command(name):
    if name not in COMMANDS:
        otherwise = f"the commands are {', '.join(COMMANDS)}"
        raise Refused(f"unknown command {name!r}; {instead(name, COMMANDS, otherwise)}")
    module, function, _ = COMMANDS[name]
    if name != "train":  # which asks the same of the algorithm
        importlib.import_module("scratchrl.cli.ranks").connected(name)
    return getattr(importlib.import_module(module), function)
