"""What is said of predictions that were scored again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from tidegate.operations.replay import Replay

_MOST_NAMED = 20


def replay_state(replays: Sequence[Replay]) -> str:
    """`ok`, or one sentence that counts what is not."""
    differing, missing = len(_differing(replays)), len(_missing(replays))
    if not differing and not missing:
        return "ok"
    return f"Of {_counted(len(replays))}, {differing:,} differ and {missing:,} have no sound bundle to be scored with."


def replay_document(replays: Sequence[Replay], one: bool) -> dict[str, Any]:
    """For `--json`. `replayed` counts those scored again, equal or not; with `one` the prediction itself is shown."""
    differing, missing = _differing(replays), _missing(replays)
    bundles = Counter((each.recorded.model_version, each.recorded.bundle_digest, each.fault) for each in missing)
    return {
        "replayed": len(replays) - len(missing),
        "differing": len(differing),
        "missing": len(missing),
        "differing_predictions": [{"prediction_id": each.recorded.prediction_id, "reason": each.fault} for each in differing[:_MOST_NAMED]],
        "missing_bundles": [
            {"model_version": version, "digest": digest, "reason": fault, "predictions": count}
            for (version, digest, fault), count in sorted(bundles.items())
        ],
        **({"prediction": _shown(replays[0])} if one else {}),
    }


def replay_text(replays: Sequence[Replay], one: bool) -> list[str]:
    """Lines for a person."""
    document = replay_document(replays, one)
    if one:
        shown = document["prediction"]
        return [f"  {name}: {json.dumps(value) if isinstance(value, dict) else value}" for name, value in shown.items() if value != ""]
    lines = [f"  {_counted(len(replays))}: {document['replayed']:,} scored again, {document['differing']:,} differ, "]
    lines[0] += f"{document['missing']:,} without their bundle"
    lines += [f"  {each['prediction_id']}: {each['reason']}" for each in document["differing_predictions"]]
    lines += [
        f"  version {each['model_version']}, {_counted(each['predictions'])}: {each['reason']}" for each in document["missing_bundles"]
    ]
    return lines


def _differing(replays: Sequence[Replay]) -> list[Replay]:
    return [each for each in replays if each.fault and not each.missing]


def _missing(replays: Sequence[Replay]) -> list[Replay]:
    return [each for each in replays if each.missing]


def _counted(count: int) -> str:
    return f"{count:,} prediction" if count == 1 else f"{count:,} predictions"


def _shown(each: Replay) -> dict[str, Any]:
    recorded = each.recorded
    try:
        row = json.loads(recorded.row)
    except (ValueError, RecursionError):
        row = None
    return {
        "prediction_id": recorded.prediction_id,
        "created_at": recorded.created_at,
        "source": recorded.source,
        "model_version": recorded.model_version,
        "digest": recorded.bundle_digest,
        "variant": recorded.variant,
        "row": row,
        "probability": recorded.probability,
        "replayed_probability": each.probability,
        "threshold": recorded.threshold,
        "prediction": recorded.prediction,
        "same": not each.fault,
        "reason": each.fault,
    }
