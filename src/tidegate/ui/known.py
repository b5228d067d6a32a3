"""What the pages know of what the APIs say in English: sentences, and what stands in their fields. Its French is in `french/`.

As monitoring, alerts, renewals, the contract and the refusals that any page may meet write them. What is not among them stays English.
"""

from __future__ import annotations

WINDOWS = (
    "Every old customer is learned from, as set.",
    "No old customer is learned from, as set.",
    "Every old customer is learned from: the new ones hold {count} of one outcome, fewer than {limit}.",
    "All {count} old customers are learned from: without them new ones are not foretold better (log-loss {value}).",
    "{count} of {rows} old customers are learned from: new ones are foretold better so (log-loss {value}, with all {reference}).",
)
KNOWN = (
    "{share} of the rows broke the contract and were quarantined.",
    "{share} of the rows occur in the reference, value by value: these may be the customers that the model learned from, "
    "and say nothing about new ones.",
    "The predicted probabilities have another distribution than the reference's ({effect} {value}).",
    "A classifier tells the batch from the reference by the columns that did not drift one by one (ROC-AUC {value}): "
    "something between them has changed.",
    "{column}: {share} of the values are missing, {before} in the reference.",
    "{column}: {share} of the rows have levels that the reference does not have: {levels}.",
    "{column}: levels of the reference no longer occur: {levels}.",
    "{column}: {share} of the values are outside the spec's expected range.",
    "{valid} of {rows} rows keep the contract: too few to judge drift.",
    "{count} labels are neither of the words that the spec names; they were read as not known.",
    "{count} customers of the batch have no id, so their labels can never come.",
    "{count} customers have outcomes from before the batch was seen only; these say nothing of it.",
    "{count} customers were looked at only after the {days} days of the horizon: say in observed_at when they left or stayed.",
    "{count} customers were seen to have left and later to have stayed; they count as left.",
    "The audit sample contradicts the outcomes of {count} customers; both are kept, and neither replaces the other.",
    "{page} leaves out columns without any value in the batch or in the reference: {names}.",
    "{page} could not be drawn: {reason}. What monitoring decided does not depend on it.",
    "{page} could not be drawn ({reason}). What monitoring decided does not depend on it.",
    "Calibration has broken ({chance}): {left} left where the probabilities said {expected}; estimated ROC-AUC was off by {error}. "
    "Estimates are not to be trusted until the model is renewed.",
    "p below {value}",
    "Reading the reference",
    "Judging drift",
    "Looking for labels",
    "Drawing the reports",
    "{count} features have drifted",
    "The batch fails the checks of data quality",
    "ROC-AUC, realised, is down by {share}",
    "ROC-AUC, estimated, is down by {share}",
    "{share} of requests fail",
    "P95 latency is {count} ms",
    "A batch was refused",
    "The canary of experiment {number} was stopped",
    "Renewal: {decision}",
    "Batch {batch}: {count} of {rows} rows were quarantined.",
    "Batch {batch}: {value} realised, {reference} on the holdout.",
    "Batch {batch}: {value} estimated, {reference} on the holdout.",
    "Batch {batch}: {names}.",
    "Batch {batch}: {rest}",
    "{count} of {rows} requests ended in a 5xx.",
    "Of {count} answers to /predict and /explain.",
    "The {api} does not answer.",
    "The {api} did not answer in time.",
    "The {api} broke off in the middle of its answer.",
    "The {api} answered with HTTP status {status}.",
    "What answers as the {api} is something else.",
    "This home has no champion yet. Train one: tidegate train DATA --label COLUMN.",
    "{file} lacks {columns}. Give a table that fits the spec '{spec}', or another spec.",
    "{file} is empty. Give a file with a header line and one line a customer.",
    "{file} has a header and no rows. Give a table with one row a customer.",
    "{file} is neither text nor Parquet: it holds NUL bytes. Export it as CSV in UTF-8, or as Parquet.",
    "{file} is a damaged or truncated Parquet file. Write it again; its end is missing or broken.",
    "The file {file} of bundle {version} is missing or changed. Promote another version, or restore the bundle from a backup.",
    "This API key may not call this route; it needs the role {role}. Ask whoever runs this service for such a key.",
    "{column}: expected {expects}, found {found}.",
    "{column}: expected {expects}, found {found}. (rule: {rule})",
    "{column}: expected {check}, found another relation.",
    "{column}: expected {check}, found another relation. (rule: {rule})",
    "The ledger did not answer in time.",
    "The ledger did not record in time.",
    "The ledger does not answer.",
    "Send the request again in a moment.",
    "Send the request again, with the same Idempotency-Key.",
    # canaries
    "{count} of {rows} answers of the treatment failed, where {limit} % may.",
    "{count} of {rows} answers of the treatment took longer than {value} ms, where a tenth may.",
    "The scores of the treatment are {value} away from the champion's, where {limit} may be.",
    "The ledger holds {count} answers of the treatment, and the servers' counts {number}.",
    "Of {rows} customers {count} were treated, where {limit} % should be.",
    # renewals: why one is asked for, what is learned from, what was decided by which gates
    "The data of batch {batch} failed its checks: repair the source, a renewal would learn the fault.",
    "{count} features drifted in batch {batch}, more than {limit}: {names}.",
    "Batch {batch}: {count} drifted features (a renewal begins above {limit}), and performance is not known to be worse.",
    "The realised ROC-AUC of batch {batch} is {share} below the holdout's, more than {limit}.",
    "The estimated ROC-AUC of batch {batch} is {share} below the holdout's, more than {limit}.",
    "Asked for: {asked}",
    "Batch {batch} was compared with another version; version {version} is the champion now.",
    "No batch has been monitored yet, so nothing asks for a renewal.",
    "Run `tidegate monitor`, or give --reason TEXT.",
    "Renewal {number} has answered this monitoring run already: {decision}, version {version}.",
    "Monitor a newer batch, or give --reason TEXT.",
    "Gate reserved_positives: {count} of the reserved new customers left, {limit} are needed: wait for labels.",
    "Gate reserved_positives: {count} of the reserved new customers left, {limit} are needed: wait for labels. Left out: {left_out}.",
    "The new customers to learn from are of one class only: wait for labels.",
    "The new customers to learn from are of one class only: wait for labels. Left out: {left_out}.",
    "A batch is left out: {reason}",
    *WINDOWS,
    "{window}; {count} of them, drawn for their weight of {weight}.",
    "Gate {gate}: it is better than the champion by at least {value}.",
    "Gate {gate}: the champion is worse on the audit than on the holdout by {value} standard errors, so the holdout's gates are waived.",
    "Gate {gate}: it gave no probability for {count} customers of the newest batch.",
    "Gate {gate}: {finding} ({value}, limit {limit}).",
    "Experiment {number} is running, and a promotion would end it.",
    "{count} predictions in the last hour: {share} % of the customers try it for {minutes} minutes.",
    "The champion changed while the renewal was at work.",
    "Renewal {number} promoted version {version} and was interrupted before it could say so.",
)
# What such a sentence has in a field of this name, where it says more than a figure or a name: as it is written → as it is said.
_KINDS = ("a whole number", "a finite number", "true or false", "a date as YYYY-MM-DD", "a level")
PARTS: dict[str, dict[str, str]] = {
    "kind": {kind: kind for kind in _KINDS},
    "expects": {
        "{kind}, and it is not nullable": "{kind}, never empty",
        "{kind} from {low} to {high}": "{kind} from {low} to {high}",
        "one of {levels}": "one of {levels}",
        **{kind: kind for kind in _KINDS},
    },
    "found": {
        "text": "text",
        "number": "a number",
        "null": "nothing",
        "empty": "an empty cell",
        "boolean": "true or false",
        "date": "a date",
        "time": "a time",
        "list": "a list",
        "object": "an object",
        "bytes": "bytes",
    },
    "decision": {
        "promoted": "a promotion",
        "held": "held for a person",
        "refused": "a refusal",
        "canary": "a canary",
        "not_needed": "nothing needed",
    },
    "window": {sentence.removesuffix("."): sentence for sentence in WINDOWS},
    "columns": {"columns {names}": "columns {names}", "the column {names}": "the column {names}"},
    "api": {"scoring API": "scoring API", "operate API": "operate API"},
    "evidence": {name: name for name in ("the frozen holdout", "the reserved slice", "the audit sample")},
    "left_out": {
        said: said
        for said in (
            "{treated} treated, {unknown} not matured or not labelled",
            "{treated} treated",
            "{unknown} not matured or not labelled",
        )
    },
    "finding": {
        said: said
        for said in (
            "what would be served is not what was trained",
            "the time of an answer was not measured",
            "it takes longer to answer than the limit allows",
            "there is no audit sample",
            "too few customers of {evidence} left",
            "it is not better than the champion on {evidence} beyond noise",
            "it may be worse than the champion on {evidence}",
            "its probabilities are further from the truth on {evidence}",
            "it flags a very different number of customers on {evidence}",
            "no audit shows that the world has changed since the holdout",
            "too few audited customers have an ordinary label to compare",
            "of {count} audited customers {wrong} have another ordinary label",
            "customers of the same score left more or less often in the slice than in the audit",
            "too few left in a group of {column}",
            "in a group of {column} it misses {share} more of those who left",
        )
    },
}

FIGURE = r"[+-]?[\d,]*\d(?:\.\d+)?(?:e[+-]?\d+)?%?"
FIGURES = frozenset(
    (
        *("before", "count", "days", "error", "expected", "left", "limit", "minutes", "number", "reference"),
        *("rows", "share", "status", "treated", "unknown", "valid", "value", "weight", "wrong"),
    )
)
# Names one after the other: no sentence is taken for them.
NAMES = r"[^\s,]+(?:, [^\s,]+)*(?: and [\d,]+ more)?"
FORMS = {**dict.fromkeys(FIGURES, FIGURE), "names": NAMES, "gate": r"\w+", "file": r"(?:(?!: ).)+?"}
# What may be a sentence itself; one of `rest` has to be.
SENTENCES = frozenset(("chance", "reason", "rest"))
