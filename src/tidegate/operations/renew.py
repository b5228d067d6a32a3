"""`tidegate renew`: what a renewal's verdict comes to, a canary, a promotion, a question for a person, or a refusal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from tidegate.errors import AlreadyDecided, InputRefused, NotFound, TidegateError
from tidegate.home import RENEWAL_LOCK, Home, exclusive
from tidegate.ledger.experiments import running_experiment
from tidegate.ledger.exposures import recent_predictions
from tidegate.ledger.store import Ledger
from tidegate.monitoring.alerts.conditions import Look
from tidegate.monitoring.alerts.flow import tell
from tidegate.operations.campaign_places import customer_key
from tidegate.operations.canary import followed
from tidegate.operations.champion import promote
from tidegate.operations.experiment import start
from tidegate.registry.appoint import LONGEST_REASON, present_champion, require_reason
from tidegate.registry.gates import GateLimits
from tidegate.registry.promote import Gate
from tidegate.renewal.policy import Triggers
from tidegate.renewal.renew import Judged, Request, judge_renewal
from tidegate.renewal.replay import Replay
from tidegate.renewal.rows import Terms
from tidegate.renewal.trail import Decided, conclusions, decisions, promoted_unsaid, record_conclusion, record_decision, superseded, waiting
from tidegate.settings import Settings
from tidegate.storage.objects import open_storage
from tidegate.storage.pointer import Pointer
from tidegate.training.candidates import named
from tidegate.training.order import effort_of
from tidegate.training.standing import Progress

Clock = Callable[[], datetime]
ALARMS = ("refused", "held")


@dataclass(frozen=True)
class Renewed:
    """What became of a renewal; `renewal` is its number where one began, `challenger` None where nothing was trained.

    `waits_for_labels`: refused, and for no other reason than that labels have still to come.
    """

    decision: str
    reasons: tuple[str, ...]
    challenger: str | None = None
    champion: str = ""
    renewal: int | None = None
    gates: tuple[Gate, ...] = ()
    replay: Replay | None = None
    because: tuple[str, ...] = ()
    dry_run: bool = False
    warnings: tuple[str, ...] = ()
    waits_for_labels: bool = False

    @property
    def alarm(self) -> bool:
        """Whether somebody has to look: the exit code is 3 then."""
        return self.decision in ALARMS

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "decision": self.decision,
            "reasons": list(self.reasons),
            "challenger": self.challenger,
            "gates": [asdict(gate) for gate in self.gates],
            "champion": self.champion,
            "renewal": self.renewal,
            "because": list(self.because),
            "replay": None if self.replay is None else self.replay.document(),
            "dry_run": self.dry_run,
            "warnings": list(self.warnings),
            "waits_for_labels": self.waits_for_labels,
        }

    def summary(self) -> str:
        """Some lines for a person."""
        words = {
            "promoted": f"Version {self.challenger} is the champion now, instead of version {self.champion}.",
            "canary": f"Version {self.challenger} is in a canary; the next `tidegate renew` promotes or refuses it.",
            "held": f"Version {self.challenger} is held for a person; version {self.champion} stays champion.",
            "refused": "Refused; the champion stays." if self.challenger is None else f"Version {self.challenger} is refused.",
            "not_needed": "No renewal is needed.",
        }
        tried = f"A try, nothing was promoted. The gates say: {self.decision}."
        lines = [tried if self.dry_run and self.challenger else words[self.decision], *self.because, *self.reasons]
        if self.replay is not None:
            lines.append(self.replay.summary())
        if self.decision == "held" and not self.dry_run:
            lines.append(f"Decide: tidegate renewals approve {self.renewal} --reason TEXT, or tidegate renewals refuse {self.renewal}.")
        return "\n".join(lines)


def renew(
    home: Home, settings: Settings, ledger: Ledger, reason: str, dry_run: bool, who: str, progress: Progress, clock: Clock
) -> Renewed:
    """Follow a canary that runs; else judge whether a renewal is needed, and do what its verdict says; then tell people.

    Raises HomeRefused where another renewal is at work, RegistryUnavailable, StorageUnavailable or LedgerUnavailable where one of them is
    away; the champion stays as it was then, and the same command goes on.
    """
    reason = require_reason(reason)
    with exclusive(home, "a renewal", RENEWAL_LOCK):
        done = _renewed(home, settings, ledger, reason, dry_run, who, progress, clock)
    return done if dry_run else _told(home, settings, ledger, done, clock())


def _renewed(
    home: Home, settings: Settings, ledger: Ledger, reason: str, dry_run: bool, who: str, progress: Progress, clock: Clock
) -> Renewed:
    canary = None if dry_run else followed(home, settings, ledger, who, clock())
    if canary is not None:
        one, decision, said = canary
        return Renewed(decision, (said,), one.challenger, one.champion, one.renewal, one.gates)
    seen = present_champion(open_storage(home))
    unsaid = None if seen is None or dry_run else promoted_unsaid(ledger, seen.version, seen.digest)
    if unsaid is not None:
        record_decision(ledger, who, unsaid, clock())
        return Renewed("promoted", unsaid.reasons, unsaid.challenger, unsaid.champion, unsaid.renewal, unsaid.gates)
    request = _request(home, settings, reason, dry_run, who)
    judged = judge_renewal(home, ledger, request, progress, clock)
    found = _found(judged, dry_run)
    if judged.challenger is None or dry_run:
        return found
    found = _with_replay(found)
    if found.decision == "promoted":
        found = _enacted(home, settings, ledger, judged, found, who, clock())
    record_decision(ledger, who, _decided(judged, found), clock())
    return found


def _request(home: Home, settings: Settings, reason: str, dry_run: bool, who: str) -> Request:
    return Request(
        triggers=Triggers(settings.renewal_drifted_features, settings.renewal_roc_auc_drop),
        terms=Terms(settings.label_horizon_days, settings.renewal_reserved_share, settings.renewal_months, settings.renewal_treated),
        window=settings.renewal_window,
        old_weight=settings.renewal_old_weight,
        limits=GateLimits(audit_required=settings.renewal_audit_required),
        effort=effort_of(settings.renewal_budget),
        candidates=named(settings.renewal_algorithms or None),
        seed=settings.seed,
        most_bad=settings.max_bad_share,
        key=customer_key(home, create=True),
        who=who,
        reason=reason,
        dry_run=dry_run,
    )


def _found(judged: Judged, dry_run: bool) -> Renewed:
    challenger = None if judged.challenger is None else judged.challenger.version
    number = judged.renewal or None
    return Renewed(
        judged.decision,
        judged.reasons,
        challenger,
        judged.champion.version,
        number,
        judged.gates,
        judged.replay,
        judged.because,
        dry_run,
        judged.warnings,
        judged.unripe,
    )


def _with_replay(found: Renewed) -> Renewed:
    """The shadow replay's gate beside the others: every customer of the newest batch gets a probability."""
    if found.replay is None:
        return found
    errors = found.replay.errors
    gated = replace(found, gates=(*found.gates, Gate("replay_errors", errors, 0, errors == 0)))
    said = f"Gate replay_errors: it gave no probability for {errors:,} customers of the newest batch."
    return gated if not errors else replace(gated, decision="refused", reasons=(said, *found.reasons))


def _enacted(home: Home, settings: Settings, ledger: Ledger, judged: Judged, found: Renewed, who: str, now: datetime) -> Renewed:
    """A canary where customers come in numbers, else the promotion itself."""
    assert judged.challenger is not None
    running = running_experiment(ledger)
    if running is not None:
        said = f"Experiment {running.number} is running, and a promotion would end it."
        return replace(found, decision="held", reasons=(said, *found.reasons))
    live = sum(count for count, _ in recent_predictions(ledger, now - timedelta(hours=1), now).values())
    if live >= settings.canary_traffic:
        start(home, ledger, judged.challenger.version, settings.canary_share, "canary", settings.label_horizon_days, who, now)
        tried = f"{settings.canary_share:g} % of the customers try it for {settings.canary_minutes:g} minutes"
        said = f"{live:,} predictions in the last hour: {tried}."
        return replace(found, decision="canary", reasons=(*found.reasons, said))
    seen = present_champion(open_storage(home))
    if seen is None or (seen.version, seen.digest) != (judged.champion.version, judged.champion.digest):
        return replace(found, decision="held", reasons=("The champion changed while the renewal was at work.", *found.reasons))
    done = promote(home, ledger, judged.challenger.version, _promotion_reason(found), who, now, seen, _grounds(found.renewal, found.gates))
    return replace(found, warnings=(*found.warnings, *done.warnings))


def _promotion_reason(found: Renewed) -> str:
    return f"Renewal {found.renewal}: {' '.join(found.reasons)}"[:LONGEST_REASON]


def _grounds(renewal: int | None, gates: tuple[Gate, ...]) -> dict[str, object]:
    return {"renewal": renewal, "gates": [asdict(gate) for gate in gates]}


def _decided(judged: Judged, found: Renewed) -> Decided:
    assert judged.challenger is not None
    challenger, champion = judged.challenger, judged.champion
    known = (challenger.version, challenger.digest, champion.version, champion.digest)
    return Decided(found.renewal or 0, found.decision, *known, found.reasons, found.gates, judged.batch, judged.at, "")


def conclude(home: Home, settings: Settings, ledger: Ledger, renewal: int, approve: bool, reason: str, who: str, now: datetime) -> Renewed:
    """A person's word on a renewal that is held, told to the others. Raises NotFound, AlreadyDecided, and InputRefused without a reason."""
    reason = require_reason(reason)
    if not reason:
        raise InputRefused("A decision on a renewal needs a reason.", "Say why: --reason TEXT.")
    with exclusive(home, "a decision on a renewal", RENEWAL_LOCK):
        one = _held(ledger, renewal)
        done = (_approved if approve else _refused)(home, ledger, one, reason, who, now)
    return _told(home, settings, ledger, done, now)


def _told(home: Home, settings: Settings, ledger: Ledger, done: Renewed, now: datetime) -> Renewed:
    """The same, told to people. What was decided stands, whether they can be reached or not."""
    try:
        tell(home, ledger, settings, Look(), now)
    except TidegateError as error:
        return replace(done, warnings=(*done.warnings, f"Nobody was told of it: {error}"))
    return done


def _refused(home: Home, ledger: Ledger, one: Decided, reason: str, who: str, now: datetime) -> Renewed:
    if _is_champion(present_champion(open_storage(home)), one):
        raise AlreadyDecided(f"Version {one.challenger} is the champion already.", "Go back from it: tidegate rollback --reason TEXT.")
    record_conclusion(ledger, who, one.renewal, "refused", reason, now)
    return Renewed("refused", (reason,), one.challenger, one.champion, one.renewal, one.gates)


def _held(ledger: Ledger, renewal: int) -> Decided:
    held = waiting(ledger, "held")
    one = next((one for one in held if one.renewal == renewal), None)
    if one is not None:
        return one
    numbers = ", ".join(str(other.renewal) for other in held)
    made = decisions(ledger)
    taker = superseded(made, conclusions(ledger)).get(renewal)
    if taker is not None:
        raise AlreadyDecided(f"Renewal {taker} has taken the place of renewal {renewal}.", f"Held: {numbers}." if held else "None is held.")
    known = any(other.renewal == renewal for other in made)
    raise (AlreadyDecided if known else NotFound)(
        f"No renewal {renewal} is held for a person.", f"Held: {numbers}." if held else "None is held."
    )


def _is_champion(seen: Pointer | None, one: Decided) -> bool:
    return seen is not None and (seen.version, seen.digest) == (one.challenger, one.digest)


def _approved(home: Home, ledger: Ledger, one: Decided, reason: str, who: str, now: datetime) -> Renewed:
    seen = present_champion(open_storage(home))
    if _is_champion(seen, one):
        # promoted by this process before it was killed, or by a person
        record_conclusion(ledger, who, one.renewal, "promoted", reason, now)
        return Renewed("promoted", (reason,), one.challenger, one.champion, one.renewal, one.gates)
    if seen is None or (seen.version, seen.digest) != (one.champion, one.champion_digest):
        raise InputRefused(
            f"Version {one.challenger} was compared with version {one.champion}, which is not the champion any more.",
            "Renew again, or promote it: tidegate promote VERSION --reason TEXT.",
        )
    grounds = {**_grounds(one.renewal, one.gates), "held_because": list(one.reasons)}
    done = promote(home, ledger, one.challenger, reason, who, now, seen, grounds)
    try:
        record_conclusion(ledger, who, one.renewal, "promoted", reason, now)
    except TidegateError as error:
        return Renewed("promoted", (reason,), one.challenger, one.champion, one.renewal, one.gates, warnings=(str(error),))
    return Renewed("promoted", (reason,), one.challenger, one.champion, one.renewal, one.gates, warnings=done.warnings)
