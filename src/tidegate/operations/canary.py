"""The canary of a renewal: still at it, gone well, or gone wrong. Servers stop one that goes wrong; nobody needs this process for that."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta

from tidegate.home import Home
from tidegate.ledger.experiments import Experiment, list_experiments
from tidegate.ledger.exposures import read_counts
from tidegate.ledger.store import Ledger
from tidegate.operations.champion import promote
from tidegate.registry.appoint import present_champion
from tidegate.renewal.trail import Decided, record_conclusion, waiting
from tidegate.settings import Settings
from tidegate.storage.objects import open_storage

_TREATMENT = "treatment"


def followed(home: Home, settings: Settings, ledger: Ledger, who: str, now: datetime) -> tuple[Decided, str, str] | None:
    """The renewal whose canary is not concluded, what is decided of it now (canary, promoted or refused), and why; else None.

    Raises what `promote` raises; the canary goes on then.
    """
    found = waiting(ledger, "canary")
    if not found:
        return None
    one = found[0]
    decision, said = _judged(_experiment(ledger, one), settings, ledger, now)
    seen = present_champion(open_storage(home))
    if seen is not None and (seen.version, seen.digest) == (one.challenger, one.digest):
        # promoted by a person, or by this process before it was killed
        decision, said = "promoted", f"Version {one.challenger} is the champion already."
    elif decision == "promoted":
        grounds = {"renewal": one.renewal, "gates": [asdict(gate) for gate in one.gates]}
        promote(home, ledger, one.challenger, f"Renewal {one.renewal}: {said}", who, now, seen, grounds)
    if decision != "canary":
        record_conclusion(ledger, who, one.renewal, decision, said, now)
    return one, decision, said


def _experiment(ledger: Ledger, one: Decided) -> Experiment | None:
    """The newest canary of this very bundle against that very champion."""
    mine = (one.digest, one.champion_digest)
    made = (found for found in list_experiments(ledger) if found.mode == "canary")
    return next((found for found in made if (found.treatment_digest, found.control_digest) == mine), None)


def _judged(experiment: Experiment | None, settings: Settings, ledger: Ledger, now: datetime) -> tuple[str, str]:
    if experiment is None:
        return "refused", "Its canary is not in the ledger."
    if experiment.stopped_at is not None:
        return "refused", f"Its canary was stopped by {experiment.stopped_by}: {experiment.stop_reason}"
    counts = read_counts(ledger, experiment.number).get(_TREATMENT)
    answered = 0 if counts is None else counts.customers
    age = now - datetime.fromisoformat(experiment.started_at)
    done = f"{answered:,} customers answered in {age.total_seconds() / 60:.0f} minutes"
    if age >= timedelta(minutes=settings.canary_minutes) and answered >= settings.canary_fewest_answers:
        return "promoted", f"Its canary went well: {done}."
    wanted = f"{settings.canary_fewest_answers:,} customers and {settings.canary_minutes:g} minutes are asked for"
    return "canary", f"Its canary goes on: {done}; {wanted}."
