"""What `tidegate demo` says: every figure is one that an operation returned or that stands in the audit trail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from textwrap import fill
from typing import Any

from tidegate.home import Home
from tidegate.monitoring.alerts.conditions import RENEWAL
from tidegate.monitoring.alerts.state import RAISED, Open
from tidegate.operations.demo_bank import AUDITED
from tidegate.operations.history import Reign
from tidegate.operations.outcomes import RecordedFile
from tidegate.operations.renew import Renewed
from tidegate.renewal.trail import Decided
from tidegate.settings import Settings

WIDTH = 118
MOST_REASONS = 6
REPAIRED = "  The bank repairs its export and sends the batch again."
CHECKED = f"  People look at {AUDITED} of last month's customers, one by one, and say what became of them."
ASKED = "  Nothing asks for a renewal by itself, so somebody does: the regular one of the quarter."
_DECISIONS = {
    "promoted": "version {challenger} is the champion now, instead of version {champion}",
    "canary": "version {challenger} is tried in a canary",
    "held": "version {challenger} is held for a person; version {champion} stays champion",
    "refused": "version {champion} stays champion",
    "not_needed": "version {champion} stays champion",
}


def begun(root: Path, trained: int, holdout: int, first: Mapping[str, Any]) -> str:
    """The first model."""
    return (
        f"A simulated bank, all in {root}.\n"
        f"Version {first['model_version']} ({first['algorithm']}) learned from {trained:,} customers and is {first['stage']}: "
        f"ROC-AUC {first['roc_auc']:.3f} on {holdout:,} others."
    )


def month(number: int, day: datetime, said: str) -> str:
    """A month's heading."""
    return f"\nMonth {number}, {day:%Y-%m-%d}. {said}"


def labels(done: RecordedFile, wrong: int) -> str:
    """Labels that came."""
    what = "checked labels (an audit sample)" if done.audit else "labels of last month's customers"
    strange = f", {done.unknown_customers:,} of customers whom nobody knows" if done.unknown_customers else ""
    poison = f" The simulator knows that {wrong:,} of them are wrong." if wrong else ""
    return f"  outcomes  {done.recorded:,} {what}{strange}.{poison}"


def monitored(found: Mapping[str, Any], again: bool, before: Mapping[str, Any] | None) -> str:
    """Health, and why; the estimate beside what labels say. `before`: what was estimated of the customers whose labels are known now."""
    seen = ", again because labels came" if again else ""
    parts = ("data_stability", "column_drift", "dataset_drift", "performance")
    verdicts = ", ".join(f"{name} {found[name]}" for name in parts)
    lines = [f"{found['batch']}{seen}: health {found['health']}. {verdicts}."]
    if found["quarantined"]:
        lines.append(f"{found['quarantined']:,} of {found['rows']:,} rows broke the contract and were quarantined.")
    if found["drifted_features"]:
        lines.append(f"Drifted: {', '.join(found['drifted_features'])}.")
    estimated, realised = found["estimated"], found["realised"]
    if estimated is not None:
        trust = "." if estimated["trusted"] else f", not to be trusted. {estimated['why']}"
        lines.append(f"Estimated before labels: ROC-AUC {_figure(estimated['roc_auc'])}{trust}")
    if realised is not None:
        then = f" Estimated when they were new: {_figure(before['roc_auc'])}." if before is not None else ""
        lines.append(f"Realised on {realised['batch']}: {realised['sentence']}{then}")
    return _block("monitor", lines)


def alert(number: int, what: str, said: Mapping[str, Any]) -> str:
    """An alert as the audit trail has it."""
    told = ", ".join(said["channels"]) or "no channel is configured"
    # the reasons of a renewal stand above already
    detail = f" {said['detail']}" if what == RAISED and said["kind"] != RENEWAL else ""
    return _block("alert", [f"Event {number}, {what} ({said['severity']}, {told}): {said['title']}.{detail}"])


def renewed(done: Renewed, live: int, needed: int) -> str:
    """What was decided, why, by which gates, and what the challenger would have done about the newest batch."""
    lines = [f"{done.decision}: {_DECISIONS[done.decision].format(challenger=done.challenger, champion=done.champion)}."]
    lines += [*done.because, *done.reasons[:MOST_REASONS]]
    lines += [f"And {len(done.reasons) - MOST_REASONS} more reasons."] if len(done.reasons) > MOST_REASONS else []
    if done.gates:
        lines.append(f"{sum(gate.passed for gate in done.gates)} of {len(done.gates)} gates passed.")
    if done.replay is not None and done.decision != "canary":
        replay = done.replay
        instead = ": a shadow replay stands in for it" if live < needed else ""
        lines.append(
            f"{live:,} live predictions in the last hour, a canary asks for {needed:,}{instead}. Of {replay.customers:,} customers of the "
            f"newest batch {replay.newly_flagged:,} would be newly flagged, {replay.no_longer_flagged:,} no longer, {replay.errors:,} got "
            "no answer."
        )
    return _block("renew", lines)


def superseded(number: int, done: Renewed) -> str:
    """A renewal that was held, and whose place a later one has taken."""
    return _block("renewals", [f"Renewal {number}, which was held, waits for nobody any more: renewal {done.renewal} has taken its place."])


def places(home: Home) -> dict[str, Path]:
    """Where what happened can be read."""
    return {"home": home.root, "reports": home.reports / "index.html", "ledger": home.ledger, "inbox": home.inbox}


def urls(settings: Settings) -> dict[str, str]:
    """Where `tidegate reports` and `tidegate run` will serve."""
    return {
        "reports": f"http://{settings.reports_host}:{settings.reports_port}",
        "api": f"http://{settings.host}:{settings.port}",
    }


def ended(
    home: Home,
    reigns: Sequence[Reign],
    held: Sequence[Decided],
    opened: Sequence[Open],
    pages: Sequence[Path],
    addresses: Mapping[str, str],
) -> str:
    """The champions in turn, what is open, who is asked, and where to look."""
    lines = ["\nWho was champion, by the audit trail"]
    lines += [f"  version {one.version} from {one.since[:10]} to {(one.until or 'now')[:10]}, by {one.by}" for one in reversed(reigns)]
    lines += [f"Open alert: {one.alert.title}, since {one.since[:10]}." for one in opened]
    option = f"--home {home.root}"
    for one in held:
        lines.append(f"Renewal {one.renewal} (version {one.challenger}) waits for your word:")
        lines.append(f"  tidegate renewals refuse {one.renewal} --reason TEXT {option}     (or approve)")
    return "\n".join(
        [
            *lines,
            "\nLook at it",
            f"  all runs          {home.reports / 'index.html'}",
            *(f"  what was alarming {page}" for page in pages),
            f"  tidegate reports {option}     serves them on {addresses['reports']}/",
            f"  tidegate history {option}     tidegate alerts {option}",
            f"  tidegate run {option}         serves the champion on {addresses['api']}, with its reports",
        ]
    )


def _block(name: str, lines: Sequence[str]) -> str:
    head, indent = f"  {name:<8}  ", " " * 12
    first, *rest = (fill(line, WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False) for line in lines)
    return "\n".join([head + first[len(indent) :], *rest])


def _figure(area: Mapping[str, Any]) -> str:
    if area["value"] is None:
        return "that cannot be said"
    return f"{area['value']:.3f} ({area['low']:.3f} to {area['high']:.3f})"
