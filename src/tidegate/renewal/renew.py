"""A renewal, top-down: health → decision → customers → training → evidence → gates. It judges; `operations/renew.py` acts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.bundle.champion import open_champion, open_version
from tidegate.bundle.local import stored_versions
from tidegate.bundle.manifest import file_digest
from tidegate.bundle.scorer import Scorer, score
from tidegate.customers.kept_rows import HOLDOUT, TRAIN, KeptRows, read_kept, write_kept
from tidegate.customers.spec import TableSpec
from tidegate.errors import InputRefused
from tidegate.features import compute, plan_features
from tidegate.home import Home, exclusive, working
from tidegate.ledger.store import Ledger
from tidegate.registry.deliver import deliver_waiting
from tidegate.registry.evidence import Evidence, Name
from tidegate.registry.gates import WAIVED, Decision, GateLimits, Verdict, judge_challenger
from tidegate.registry.promote import Gate
from tidegate.registry.trail import TRAINED, read_trail
from tidegate.renewal.policy import Triggers, decide
from tidegate.renewal.replay import Replay, latency_ratio, replay
from tidegate.renewal.rows import BATCHES, Labels, Material, Terms, gather, joined
from tidegate.renewal.segments import segments_of
from tidegate.renewal.table import write_table
from tidegate.renewal.trail import decisions, record_start
from tidegate.renewal.window import Rule, choose_window, weighted
from tidegate.storage.objects import open_storage
from tidegate.training.candidates import Candidate
from tidegate.training.order import Effort, Order
from tidegate.training.standing import Progress
from tidegate.training.train import train

Clock = Callable[[], datetime]
RENEWED = "renewed"


@dataclass(frozen=True)
class Request:
    """What a renewal is asked for. `reason`: a person's, which renews whatever monitoring found. `key`: the home's customer key."""

    triggers: Triggers
    terms: Terms
    window: Rule
    limits: GateLimits
    effort: Effort
    candidates: tuple[Candidate, ...]
    seed: int
    most_bad: float
    key: bytes
    who: str
    reason: str = ""
    dry_run: bool = False
    old_weight: float = 1.0


@dataclass(frozen=True)
class Judged:
    """A renewal before anything is done about it. `decision` is `promoted` where the challenger may become champion.

    `challenger` and what follows are None or empty where nothing was trained. `batch` and `at` name the monitoring run. `unripe`:
    refused only because labels have still to come.
    """

    decision: Decision | str
    reasons: tuple[str, ...]
    champion: Scorer
    challenger: Scorer | None = None
    renewal: int = 0
    gates: tuple[Gate, ...] = ()
    replay: Replay | None = None
    because: tuple[str, ...] = ()
    batch: str = ""
    at: str = ""
    warnings: tuple[str, ...] = ()
    unripe: bool = False


def judge_renewal(home: Home, ledger: Ledger, request: Request, progress: Progress, clock: Clock) -> Judged:
    """Whether a renewal is needed and, where it is, a trained challenger with its verdict. The caller holds the lock of renewals.

    A renewal that was interrupted goes on where it stood: a challenger that has learned from these very customers is not trained again, and
    a training that waits in the outbox is delivered first. Raises InputRefused where nothing was monitored and no reason is given,
    NoChampion, RegistryUnavailable, HomeRefused and what training raises; the champion stays as it is then.
    """
    champion = open_champion(open_storage(home))
    found = newest_run(home)
    batch, at = str(found.get("batch", "")), str(found.get("at", ""))
    told = Judged("not_needed", (), champion, batch=batch, at=at)
    needed = _needed(ledger, request, found, champion)
    if needed.decision != "renew":
        return replace(told, decision=needed.decision, reasons=needed.reasons)
    progress("Gathering customers", 0.01)
    material = gather(home, ledger, champion.contract.spec, champion.digest, request.key, request.terms, clock())
    told = replace(told, because=needed.reasons, warnings=material.warnings)
    if lacking := _lacking(material, request.limits):
        return replace(told, decision="refused", reasons=(lacking,), unripe=True)
    evidence = {"reasons": list(needed.reasons), "champion": champion.version, "batch": batch, "at": at}
    number = 0 if request.dry_run else record_start(ledger, request.who, evidence, clock())
    version, digest, window = _challenger(home, ledger, champion, material, request, progress, clock)
    challenger = open_version(open_storage(home), version, digest)
    verdict = _verdict(champion, challenger, material, request)
    _keep_reference(home, material, champion, challenger, verdict)
    return replace(
        told,
        decision=verdict.decision,
        reasons=verdict.reasons,
        challenger=challenger,
        renewal=number,
        gates=verdict.gates,
        replay=None if material.newest is None else replay(champion, challenger, material.newest.rows),
        because=(*needed.reasons, f"{window[0].upper()}{window[1:]}."),
    )


@dataclass(frozen=True)
class _Needed:
    decision: str
    reasons: tuple[str, ...]


def _needed(ledger: Ledger, request: Request, found: dict[str, Any], champion: Scorer) -> _Needed:
    """`renew`, or the decision that ends it here."""
    if request.reason:
        return _Needed("renew", (f"Asked for: {request.reason}",))
    if not found:
        raise InputRefused(
            "No batch has been monitored yet, so nothing asks for a renewal.", "Run `tidegate monitor`, or give --reason TEXT."
        )
    if found.get("digest") != champion.digest:
        said = f"Batch {found.get('batch')} was compared with another version; version {champion.version} is the champion now."
        return _Needed("not_needed", (said, "Run `tidegate monitor`, or give --reason TEXT."))
    wanted = decide(found, request.triggers)
    if wanted.what == "repair":
        return _Needed("refused", wanted.reasons)
    if wanted.what == "renew" and not request.dry_run:
        same = (str(found.get("batch", "")), str(found.get("at", "")))
        before = next((one for one in decisions(ledger) if (one.batch, one.at) == same), None)
        if before is not None:
            said = f"Renewal {before.renewal} has answered this monitoring run already: {before.decision}, version {before.challenger}."
            return _Needed("not_needed", (said, "Monitor a newer batch, or give --reason TEXT."))
    return _Needed(wanted.what, wanted.reasons)


def newest_run(home: Home) -> dict[str, Any]:
    """What the newest monitoring run of the home found, by the time it says; empty where there is none that can be read."""
    runs = []
    for path in home.reports.glob("*/drift_tests.json"):
        try:
            found = json.loads(path.read_bytes())
            at = datetime.fromisoformat(found["at"])
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            continue
        runs.append((at if at.tzinfo else at.replace(tzinfo=UTC), path.parent.name, found))
    return max(runs, key=lambda run: run[:2])[2] if runs else {}


def _lacking(material: Material, limits: GateLimits) -> str:
    """Why there is not enough to judge a challenger by, which is known before anything is trained; empty where there is."""
    left, fresh = int(material.reserved.label.sum()), material.fresh.label
    waiting = ", ".join(f"{count:,} {what}" for what, count in material.counts.items() if count)
    rest = f" Left out: {waiting}." if waiting else ""
    if left < limits.fewest_positives or left == len(material.reserved):
        short = f"{left} of the reserved new customers left, {limits.fewest_positives} are needed"
        return f"Gate reserved_positives: {short}: wait for labels.{rest}"
    if len(np.unique(fresh)) < 2:
        return f"The new customers to learn from are of one class only: wait for labels.{rest}"
    return ""


def _challenger(
    home: Home, ledger: Ledger, champion: Scorer, material: Material, request: Request, progress: Progress, clock: Clock
) -> tuple[str, str, str]:
    """Version, digest and in words the window of a challenger that has learned from this material."""
    spec = champion.contract.spec
    plan = plan_features(spec)
    old, fresh = material.old, material.fresh
    window = choose_window(compute(plan, old.rows), old.label, compute(plan, fresh.rows), fresh.label, request.window, request.seed)
    window = weighted(window, request.old_weight, request.seed)
    with working(home, "renew") as scratch:
        path = scratch / "renewal.parquet"
        write_table(path, spec, joined([old.take(window.old), fresh], spec), request.seed)
        with exclusive(home, "renewal"):
            deliver_waiting(home, ledger, clock())
        before = _trained_on(home, ledger, path, request.effort)
        if before is not None:
            return *before, window.reason
        order = Order(path, spec, request.seed, request.seed, request.effort, request.most_bad, request.candidates, request.who, clock())
        version = train(order, home, ledger, progress, clock).version
    trained = next(entry for entry in read_trail(ledger, (TRAINED,)) if entry.version == version)
    return version, trained.digest, window.reason


def _trained_on(home: Home, ledger: Ledger, table: Path, effort: Effort) -> tuple[str, str] | None:
    """A version that learned from this very table with this budget, in a renewal that was interrupted or only tried."""
    same = (file_digest(table), effort.budget)
    stored = set(stored_versions(open_storage(home)))
    trained = read_trail(ledger, (TRAINED,))
    made = (one for one in trained if (one.evidence.get("data"), one.evidence.get("budget")) == same and one.version in stored)
    return next(((one.version, one.digest) for one in made if (home.reference / f"{one.digest}.parquet").exists()), None)


def _verdict(champion: Scorer, challenger: Scorer, material: Material, request: Request) -> Verdict:
    pieces: list[tuple[Name, KeptRows, Labels | None]] = [
        ("holdout", material.holdout, None),
        ("reserved", material.reserved, None),
        ("audit", material.audit, material.audit_ordinary),
    ]
    evidence = [_evidence(name, kept, ordinary, champion, challenger) for name, kept, ordinary in pieces if len(kept)]
    ratio = latency_ratio(champion, challenger, material.reserved.rows)
    return judge_challenger(evidence, ratio, challenger.manifest.parity, request.limits, request.seed)


def _evidence(name: Name, kept: KeptRows, ordinary: Labels | None, champion: Scorer, challenger: Scorer) -> Evidence:
    lines = champion.manifest.threshold, challenger.manifest.threshold
    scores = score(champion, kept.rows), score(challenger, kept.rows)
    return Evidence(name, kept.label, *scores, *lines, segments_of(champion.contract.spec, kept.rows), ordinary)


def _keep_reference(home: Home, material: Material, champion: Scorer, challenger: Scorer, verdict: Verdict) -> None:
    """The challenger's reference: everybody whom its training was given, and as holdout those whom no version has learned from.

    Where an audit has shown that the world changed, the frozen holdout of before is retired; else it stays, with what was reserved and
    audited since.
    """
    spec: TableSpec = champion.contract.spec
    path = home.reference / f"{challenger.digest}.parquet"
    own = read_kept(path, spec)
    learned = own if RENEWED not in own.about else own.take(own.part == TRAIN)
    waived = any(gate.name.endswith(WAIVED) for gate in verdict.gates)
    judged = joined([*([] if waived else [material.holdout]), material.reserved, material.audit], spec)
    parts = [
        replace(learned, part=np.full(len(learned), TRAIN, object)),
        replace(judged, part=np.full(len(judged), HOLDOUT, object), probability=score(challenger, judged.rows)),
    ]
    about = {**own.about, RENEWED: champion.version, BATCHES: json.dumps(material.batches)}
    write_kept(path, spec, replace(joined(parts, spec), about=about))
