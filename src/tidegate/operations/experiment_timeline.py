"""How the evidence of an experiment came about: what could have been said at earlier times, by what was recorded by then."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from tidegate.experiments.judge import Evidence, Judgement, judge
from tidegate.ledger.experiments import Experiment
from tidegate.ledger.times import time_text
from tidegate.ledger.trials import Trials
from tidegate.operations.experiment_status import evidence_of

USUAL_POINTS, MOST_POINTS = 14, 60


@dataclass(frozen=True)
class Point:
    """What the measures said at a time, and of how many customers with an outcome, of whom how many had left, in each arm."""

    at: datetime
    control: tuple[int, int]
    treatment: tuple[int, int]
    judgement: Judgement


@dataclass(frozen=True)
class Timeline:
    """Points, oldest first; the last one is the present, or when the last outcome of a stopped experiment came. `begins`: before, no
    outcome could count. `at`: when it was looked at.
    """

    experiment: Experiment
    at: datetime
    begins: datetime
    points: tuple[Point, ...]

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "experiment": self.experiment.number,
            "at": time_text(self.at),
            "begins_at": time_text(self.begins),
            "points": [_point_document(one) for one in self.points],
        }


def timeline(experiment: Experiment, trials: Trials, at: datetime, points: int = USUAL_POINTS) -> Timeline:
    """So many points at equal distances, one where no outcome can have counted before the end; `trials` were read `at` that time.

    The last point counts all that is known, as the status does, also what a server with a fast clock recorded.
    """
    begins = datetime.fromisoformat(experiment.started_at) + timedelta(days=experiment.horizon_days)
    end = at if experiment.stopped_at is None else min(at, max(datetime.fromisoformat(experiment.stopped_at), trials.last_change or begins))
    steps = range(1, points) if end > begins else ()
    earlier = [begins + (end - begins) * step / points for step in steps]
    paired = trials.shadow is not None
    made = [(moment, *evidence_of(trials, moment)) for moment in earlier] + [(end, *evidence_of(trials))]
    return Timeline(
        experiment,
        at,
        begins,
        tuple(Point(moment, _known(control), _known(treatment), judge(control, treatment, paired)) for moment, control, treatment in made),
    )


def _known(evidence: Evidence) -> tuple[int, int]:
    return len(evidence.label), int(evidence.label.sum())


def _point_document(one: Point) -> dict[str, Any]:
    arms = {name: {"matured": known, "left": left} for name, (known, left) in (("control", one.control), ("treatment", one.treatment))}
    measures = {
        name: {"difference": asdict(measured.difference), "level": measured.level, "word": measured.word}
        for name, measured in one.judgement.measures.items()
    }
    return {"at": time_text(one.at), **arms, "verdict": one.judgement.verdict, "measures": measures}
