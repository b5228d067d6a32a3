"""The contest: baselines, tuned candidates and ensembles are compared on out-of-fold predictions; the holdout only reports."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tidegate.measures.intervals import composite_measure, paired_difference
from tidegate.registry.promote import Gate, first_champion_gates
from tidegate.training.arena import Arena, Contestant, combined, trained
from tidegate.training.candidates import YARDSTICK
from tidegate.training.choice import choose, evidence
from tidegate.training.ensembles import Part, ensembles_of
from tidegate.training.order import Order
from tidegate.training.search import Trial, Tuned, tune
from tidegate.training.standing import Progress, Standing

BEGIN, END = 0.05, 0.85


@dataclass(frozen=True)
class Contest:
    """Everybody who took part; who was chosen, from out-of-fold predictions alone, and why; CPU seconds of searching and fitting."""

    contestants: tuple[Contestant, ...]
    winner: Contestant
    reason: str
    arena: Arena
    cpu_seconds: float


def compete(order: Order, arena: Arena, store: Path, progress: Progress) -> Contest:
    """Train and judge everybody the order asks for; `store` is the file of the search.

    Raises SearchStopped, naming the best so far, when interrupted; what the search found stays in `store`.
    """
    standing = Standing()
    try:
        return _compete(order, arena, store, standing.telling(progress), standing)
    except KeyboardInterrupt:
        raise standing.stopped() from None


def _compete(order: Order, arena: Arena, store: Path, progress: Progress, standing: Standing) -> Contest:
    began = time.process_time()
    searching = order.effort.search != "none"
    middle = BEGIN + 0.15 if searching else END
    singles = []
    for number, candidate in enumerate(order.candidates):
        progress(f"Training {_words(candidate.name)}", BEGIN + (middle - BEGIN) * number / len(order.candidates))
        singles.append(trained(arena, candidate, "baseline"))
        standing.seen(_words(candidate.name), singles[-1].judged.metrics["pr_auc"])
    for found in _search(order, arena, singles, store, progress, standing) if searching else ():
        progress(f"Training {_words(found.candidate.name)} as tuned", END - 0.05)
        singles.append(trained(arena, found.candidate, "tuned", found.trials))
    contestants = (*singles, *_ensembles(order, arena, singles))
    chosen, reason = choose([contestant.judged for contestant in contestants], arena.field.label, order.model_seed)
    winner = next(contestant for contestant in contestants if contestant.judged is chosen)
    return Contest(contestants, winner, reason, arena, round(time.process_time() - began, 2))


def _search(
    order: Order, arena: Arena, baselines: Sequence[Contestant], store: Path, progress: Progress, standing: Standing
) -> list[Tuned]:
    """Tune the algorithms whose baselines are sharpest; a time limit is shared out among them as they come."""
    effort = order.effort
    by_loss = sorted(baselines, key=lambda one: one.judged.metrics["log_loss"])
    candidates = {candidate.name: candidate for candidate in order.candidates}
    chosen = [candidates[one.algorithm] for one in by_loss[: effort.tuned]]
    deadline = None if effort.minutes is None else time.monotonic() + 60 * effort.minutes
    field, found = arena.search_field, []
    for number, candidate in enumerate(chosen):
        now = time.monotonic()
        until = None if deadline is None else now + max(deadline - now, 0.0) / (len(chosen) - number)

        def tried(done: int, best: Trial | None, kept: bool, name: str = candidate.name, number: int = number) -> None:
            standing.tried(_words(name), best)
            of = f" of {effort.trials}" if effort.trials is not None else ""
            within = done / effort.trials if effort.trials else 0.5
            share = 0.2 + (END - 0.25) * (number + min(within, 1.0)) / len(chosen)
            value = f", PR-AUC {best.value:.4f}" if best else ""
            progress(f"Tuning {_words(name)}: {f'goes on after {done}' if kept else done}{of} trials{value}", share)

        progress(f"Tuning {_words(candidate.name)}", 0.2 + (END - 0.25) * number / len(chosen))
        tuned = tune(candidate, field, effort, store, until, tried)
        found += [tuned] if tuned is not None else []
    return found


def _ensembles(order: Order, arena: Arena, singles: Sequence[Contestant]) -> list[Contestant]:
    if not order.effort.ensembles:
        return []
    parts = [Part(one.judged, one.margins, one.model) for one in singles]
    by_name = {one.name: one for one in singles}
    found = ensembles_of(parts, arena.field.label, arena.field.folds)
    return [combined(arena, ensemble, [by_name[member.name] for member in ensemble.model.members]) for ensemble in found]


def _words(name: str) -> str:
    return name.replace("_", " ")


def gates_of(contest: Contest, seed: int) -> tuple[Gate, ...]:
    """The first champion's gates on out-of-fold evidence."""
    label, winner = contest.arena.field.label, contest.winner.judged
    logistic = next(one.judged for one in contest.contestants if one.algorithm == YARDSTICK and one.kind == "baseline")
    against = None
    if contest.winner.algorithm != YARDSTICK:
        mine, simple = (composite_measure(label, judged.probability, judged.threshold) for judged in (winner, logistic))
        against = paired_difference(mine, simple, len(label), seed)
    seen = evidence(winner, label, seed)
    return first_champion_gates(seen["roc_auc"], seen["pr_auc"], float(label.mean()), against)
