"""Routes about experiments: start one, raise its share, see what it shows, end it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from pydantic import BaseModel, Field

from tidegate.errors import AlreadyDecided
from tidegate.ledger.experiments import Experiment, list_experiments, running_experiment
from tidegate.ledger.trials import Trials, read_trials
from tidegate.operations.desk.desk import Desk, asking, now
from tidegate.operations.desk.experiment_answers import Began, Experiments, ExperimentShown, ExperimentStatus, ExperimentTimeline
from tidegate.operations.desk.kept import Kept
from tidegate.operations.experiment import experiment_document, start, stop
from tidegate.operations.experiment_status import found_experiment, status_of
from tidegate.operations.experiment_timeline import MOST_POINTS, USUAL_POINTS, timeline
from tidegate.operations.experiment_words import status_document
from tidegate.registry.appoint import LONGEST_REASON
from tidegate.serving.schemas import REFUSALS, Refusal

EXPERIMENTS = "/experiments"
DEFAULT_HORIZON_DAYS = 30
MOST_NUMBERS = 2**31 - 1
_SEEN = "the number of the experiment that was seen to run, 0 for none: 409, and nothing changed, where another one runs by now"
Number = Annotated[int | None, Query(ge=1, le=MOST_NUMBERS, description="the latest without one")]

_LOOKED: dict[int | str, dict[str, Any]] = {422: REFUSALS[422], 503: REFUSALS[503]}
_ACTED: dict[int | str, dict[str, Any]] = {**_LOOKED, 409: {"model": Refusal, "description": "Somebody started or ended one meanwhile"}}


class Start(BaseModel):
    """Which version is tried on whom; the same version again with a higher share raises it."""

    treatment: str = Field(min_length=1, max_length=64)
    share: float | None = Field(None, description="percent of the customers; default by mode")
    mode: str = Field("ab", description="ab, canary or shadow")
    horizon_days: int = Field(DEFAULT_HORIZON_DAYS, description="after how many days a prediction's outcome counts")
    seen_running: int | None = Field(None, ge=0, description=_SEEN)


class Stop(BaseModel):
    """Why."""

    reason: str = Field("", max_length=LONGEST_REASON)
    seen_running: int | None = Field(None, ge=0, description=_SEEN)


def add_experiments(app: FastAPI, desk: Desk) -> None:
    """The routes."""

    @app.get(EXPERIMENTS, summary="Experiments, newest first", response_model=Experiments)
    def experiments() -> dict[str, Any]:
        return {"experiments": [experiment_document(one) for one in list_experiments(desk.ledger)]}

    _add_acts(app, desk)
    _add_evidence(app, desk)


def _add_acts(app: FastAPI, desk: Desk) -> None:
    """What a person changes."""

    @app.post(
        EXPERIMENTS,
        summary="Try a version beside the champion, or raise its share; running servers follow",
        response_model=Began,
        responses=_ACTED,
    )
    def started(request: Request, body: Start) -> dict[str, Any]:
        _require_running(desk, body.seen_running)
        return start(desk.home, desk.ledger, body.treatment, body.share, body.mode, body.horizon_days, asking(request), now()).document()

    @app.post("/experiments/stop", summary="End the running experiment", response_model=ExperimentShown, responses=_ACTED)
    def stopped(request: Request, body: Stop) -> dict[str, Any]:
        _require_running(desk, body.seen_running)
        return stop(desk.ledger, body.reason, asking(request), now()).document()


def _add_evidence(app: FastAPI, desk: Desk) -> None:
    """What one shows by now, and how that came about: its trials are read once for both."""
    kept = Kept()

    def looked(experiment: Experiment) -> tuple[Trials, datetime]:
        def look() -> tuple[Trials, datetime]:
            at = now()
            return read_trials(desk.ledger, experiment, at), at

        return kept.get(("trials", experiment), look)

    @app.get(
        "/experiments/status",
        summary="Versions compared on matured outcomes; what it says stays true at every look",
        response_model=ExperimentStatus,
        responses=_LOOKED,
    )
    def shown(number: Number = None) -> dict[str, Any]:
        experiment = found_experiment(desk.ledger, number)
        return kept.get(("status", experiment), lambda: status_document(status_of(desk.ledger, experiment, *looked(experiment))))

    @app.get(
        "/experiments/timeline",
        summary="How the evidence came about: differences and their intervals by what was known at earlier times",
        response_model=ExperimentTimeline,
        responses=_LOOKED,
    )
    def over_time(number: Number = None, points: Annotated[int, Query(ge=2, le=MOST_POINTS)] = USUAL_POINTS) -> dict[str, Any]:
        experiment = found_experiment(desk.ledger, number)
        return kept.get(("timeline", experiment, points), lambda: timeline(experiment, *looked(experiment), points).document())


def _require_running(desk: Desk, seen: int | None) -> None:
    """Raises AlreadyDecided where somebody started or ended an experiment since it was looked at."""
    running = running_experiment(desk.ledger)
    number = running.number if running else 0
    if seen is not None and seen != number:
        sentence = f"Experiment {number} runs by now." if number else f"Experiment {seen} has ended meanwhile."
        raise AlreadyDecided(sentence, "Look at it again; nothing was changed.")
