"""`scratchrl train ALGO`: the request. What is then done is in training.py, which `--help` does without."""

from scratchrl.cli.options import ALGORITHMS, algorithm, parse


def train(arguments):
    """Trains, leaves a run behind, and returns the exit code."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_usage())
        return 0 if arguments else 2
    name = arguments[0]
    module = algorithm(name)
    from scratchrl.cli import training
    from scratchrl.cli.ranks import connected, ending_all

    ranks = connected(name)
    with ending_all(ranks):
        options, config = ranks.first(parse(name, module, arguments[1:]) if ranks.rank == 0 else None)
        return training.run(name, module, options, config, ranks)


def _usage():
    lines = [f"  {name:<12}{about}" for name, about in ALGORITHMS.items()]
    return "\n".join(["usage: scratchrl train ALGO ...", "", "algorithms:", *lines, "",
                      "scratchrl train ALGO --help lists its options."])  # fmt: skip
