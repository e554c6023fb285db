"""19 · AlphaZero against perfect play, at tic-tac-toe: Spinning Up's "Kinds of RL Algorithms", expert iteration.

    v*(p) = max_a −v*(p after a),  at the end −1 or 0        minimax, exactly, for all 5,478 positions            (1)
    π = N/Σ N                                                what a search with the network's (p, v) visits       (2)
    loss = mean of −Σ_a π_a log p_a + ½ (v − z)²             the network learns π, and z, how its games ended      (3)

Nobody tells it how to play: it is shown the rules and plays against itself. What it has learnt is held against (1): its
likeliest move in every position, and every game there is, with all moves of its opponent, when it begins and when not.

Look for: (left) a search that knows nothing but the rules loses a few of the games, the network alone hundreds; soon
both lose none. (Middle) its likeliest move is optimal nearly everywhere, also where perfect players never come; v stays
short of v*, being how games end between players who still try things out. (Right) × holds two corners, ○ the middle and
is to move: the other corners lose, the edges draw. The trained network prefers the edges before it has searched at all.
"""

from pathlib import Path

import numpy as np
import tyro
from matplotlib.figure import Figure

from scratchrl.algorithms import alphazero
from scratchrl.experience import games, minimax
from scratchrl.experience.environments import make
from scratchrl.experience.exhaustive import against_everything
from scratchrl.experience.games import TIC_TAC_TOE as GAME
from scratchrl.experience.games import Position
from scratchrl.experience.world import start

EXACT = minimax.solve(GAME)
OPEN = Position(*(stones[~EXACT.over] for stones in EXACT.position))
GOOD, VALUE = minimax.optimal(EXACT, OPEN), EXACT.value[~EXACT.over]
TRAP = games.decode(GAME, np.eye(18)[[4]] + np.eye(18)[[9]] + np.eye(18)[[17]])  # mine the middle, theirs two corners
GOOD_TRAP = minimax.optimal(EXACT, TRAP)[0]
COLORS = {"network alone": "#D55E00", "with a search": "#0072B2"}


def players(config, state):
    """How likely each move is (N, A): for the network alone, and with its search."""
    ask = alphazero.judge(GAME, alphazero.network(GAME, config), state.theta)
    visits = alphazero.searcher(GAME, config, state.theta)
    return {
        "network alone": lambda position: ask(position, games.legal(GAME, position))[0],
        "with a search": lambda position: visits(position) / config.simulations,
    }, ask


def judged(config, state):
    """Games lost by each player, and of the network: share of optimal moves, mean |v − v*|."""
    found, ask = players(config, state)
    lost = {
        name: sum(against_everything(GAME, lambda p, f=f: f(p).argmax(axis=1), first).lost for first in (True, False))
        for name, f in found.items()
    }
    prior, value = ask(OPEN, games.legal(GAME, OPEN))
    share = GOOD[np.arange(len(GOOD)), prior.argmax(axis=1)].mean()
    return {"moves": state.step, **lost, "optimal": share, "error": np.abs(value - VALUE).mean()}


def main(out: Path = Path("pictures/19_alphazero_perfect_play.png"), quick: bool = False, seed: int = 0):
    """Learn by self-play, and compare with everything there is."""
    config = alphazero.Config(total_steps=6000 if quick else 25_000, report_every=1000 if quick else 1, num_envs=2)
    world, rng = start(make(GAME.name, config.num_envs), seed), np.random.default_rng(seed)
    first = state = alphazero.init(config, world, rng)
    history = [judged(config, first)]
    for state, _ in alphazero.train(config, world, rng, first):
        history.append(judged(config, state))
    for row in history:
        losses = f"network alone loses {row['network alone']} games, with a search {row['with a search']}"
        print(f"after {row['moves']} moves: {losses}; optimal {row['optimal']:.3f}, |v − v*| {row['error']:.3f}")
    shown = {f"{word} {name}": of(TRAP)[0] for word, s in (("untrained", first), ("trained", state))
             for name, of in players(config, s)[0].items()}  # fmt: skip
    print(f"the trap: share of moves that do not lose: {' '.join(f'{p[GOOD_TRAP].sum():.3f}' for p in shown.values())}")

    left, middle, right = (figure := Figure(figsize=(15, 4.8), layout="constrained")).subplots(1, 3)
    moves = [row["moves"] for row in history]
    for name, color in COLORS.items():
        left.plot(moves, [row[name] for row in history], color=color, marker=".", label=name)
    left.set(title="Games lost, of all that can be played", xlabel="moves of self-play", yscale="symlog")
    middle.plot(moves, [row["optimal"] for row in history], color="#009E73", marker=".", label="likeliest move optimal")
    middle.plot(moves, [row["error"] for row in history], color="#CC79A7", marker=".", label="mean |v − v*|")
    middle.set(title="The network alone, in all 4,520 positions", xlabel="moves of self-play", ylim=(0, 1.02))
    for axes in (left, middle):
        axes.legend()
    for n, (name, p) in enumerate(shown.items()):
        x, y = 5 * (n % 2), -4.6 * (n // 2)
        right.imshow(p.reshape(3, 3).T, extent=(x, x + 3, y, y + 3), origin="lower", cmap="Blues", vmin=0, vmax=0.6)
        right.text(x + 1.5, y + 3.2, name, ha="center")
        for cell in range(9):
            text = {4: "○", 0: "×", 8: "×"}.get(cell, f"{100 * p[cell]:.0f}")
            right.text(x + cell // 3 + 0.5, y + cell % 3 + 0.5, text, ha="center", va="center")
    right.set(title="○ to move: percent of each move", xlim=(-1, 9), ylim=(-4.9, 4.1), xticks=[], yticks=[])
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)
    print(f"picture: {out}")


if __name__ == "__main__":
    tyro.cli(main)
