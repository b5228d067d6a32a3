"""Every table that has results, in order, and the document that `--json` writes."""

from __future__ import annotations

from holdouts.kept import Kept
from holdouts.ours import training_code
from holdouts.printed.cost import print_cost
from holdouts.printed.model_seeds import print_model_seeds
from holdouts.printed.pairs import print_pairs
from holdouts.printed.references import print_references
from holdouts.printed.simulated import print_simulated
from holdouts.run import Record, Run


def report(parts: dict[str, list[Run]], kept: dict[str, Kept]) -> Record:
    """Print every part that has results."""
    document: Record = {}
    references = [kept["reference"].records[run.key] for runs in parts.values() for run in runs if run.key in kept["reference"].records]
    document["reference"] = references
    if references and not any(run.side == "ours" for runs in parts.values() for run in runs):
        print_references(references)
    for name, title in (("real", "Holdout seeds"), ("extra", "Holdout seeds never looked at")):
        pairs = [(mine, other) for mine, other in paired(parts.get(name, []), kept) if other is not None]
        if pairs:
            document[name] = {"summary": print_pairs(title, pairs), "ours": [mine for mine, _ in pairs]}
    if parts.get("model-seeds"):
        runs = [kept["ours"].records[run.key] for run in parts["model-seeds"] if run.key in kept["ours"].records]
        document |= {"model_seeds": print_model_seeds(runs)} if runs else {}
    if parts.get("cost"):
        mine = {run.key: run for name in ("real", "extra", "cost") for run in parts.get(name, []) if run.key in kept["ours"].records}
        document |= {"cost": print_cost([kept["ours"].records[key] for key in mine])} if mine else {}
    if paired(parts.get("simulated", []), kept):
        document["simulated"] = print_simulated(paired(parts["simulated"], kept))
    used = [kept["ours"].records[run.key]["code"] for runs in parts.values() for run in runs if run.key in kept["ours"].records]
    if set(used) - {training_code()}:
        print(f"\nNot all results are of the present training code: {', '.join(sorted(set(used)))}; now {training_code()}.")
    return {**document, "code": sorted(set(used))}


def paired(runs: list[Run], kept: dict[str, Kept]) -> list[tuple[Record, Record | None]]:
    """Finished runs of ours, each with the reference's on the same table and seed where there is one."""
    theirs = {(run.sha256, run.seed): kept["reference"].records.get(run.key) for run in runs if run.side == "reference"}
    found = ((kept["ours"].records.get(run.key), theirs.get((run.sha256, run.seed))) for run in runs if run.side == "ours")
    return [(mine, other) for mine, other in found if mine is not None]
