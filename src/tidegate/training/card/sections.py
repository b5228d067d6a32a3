"""The sections of the page, each from its part of the document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tidegate.training.card.html import Head, Html, bullets, element, join, table, text
from tidegate.training.card.plots import bar, calibration_plot

Part = Any  # a part of the JSON document
NAMES = {
    "roc_auc": "ROC-AUC",
    "pr_auc": "PR-AUC",
    "f1": "F1",
    "precision": "Precision",
    "recall": "Recall",
    "accuracy": "Accuracy",
    "brier": "Brier score",
    "log_loss": "Log-loss",
    "calibration_error": "Calibration error",
    "expected_calibration_error": "Calibration error",
    "composite": "Composite",
    "false_positive_rate": "False-positive rate",
    "selection_rate": "Flagged",
}
SHORT = ("roc_auc", "pr_auc", "f1", "log_loss")  # what fits beside one another twice
SEGMENT_COLUMNS = {
    "column": "Segment",
    "group": "Group",
    "customers": "Customers",
    "left": "Left",
    "base_rate": "Left, share",
    "mean_probability": "Mean probability",
    "selection_rate": "Flagged",
    "recall": "Recall",
    "false_positive_rate": "False-positive rate",
    "precision": "Precision",
    "roc_auc": "ROC-AUC",
    "note": "Note",
}
SHARES = frozenset({"base_rate", "mean_probability", "selection_rate", "recall", "false_positive_rate", "precision"})
FINDINGS = {
    "duplicates": "Rows on both sides of the split",
    "target_like": "Columns that resemble the outcome",
    "determined": "Values that decide the outcome",
    "order": "Order of rows and ids",
    "time_travel": "Time of training and holdout",
    "late_dates": "Dates after their row's time",
    "suspicious_auc": "Too good to be true",
    "holdout_gap": "Holdout against out of fold",
    "imbalance": "Balance of outcomes",
    "holdout_size": "Size of the holdout",
}
MOST_DRIVERS = 25
SPACES = {"logit": "log-odds", "probability": "probability"}


def plain_name(name: str) -> str:
    """`weighted_logit_average` → `weighted logit average`."""
    return name.replace("_", " ")


def use(part: Part) -> Html:
    """Intended and out-of-scope use."""
    columns = [("Made for", part.get("intended", ())), ("Not made for", part.get("out_of_scope", ()))]
    boxes = join(element("div", join((element("h3", text(title)), bullets(said)))) for title, said in columns if said)
    return element("div", boxes, class_="columns")


def metrics(part: Part) -> Html:
    """Every metric with its interval."""
    rows = [(text(NAMES.get(name, plain_name(name))), _number(each["value"]), _range(each)) for name, each in part.items()]
    return table((Head("Metric"), Head("Value", True), Head("95 % interval", True)), rows, narrow=True)


def findings(part: Part) -> Html:
    """Honesty findings, the gravest first."""
    order = ("warning", "note", "ok")
    rows = [
        (
            element("span", text(one["severity"]), class_=f"badge {one['severity']}"),
            text(FINDINGS.get(one["name"], plain_name(one["name"]))),
            text(one["sentence"]),
        )
        for one in sorted(part, key=lambda one: order.index(one["severity"]))
    ]
    return table((Head("Found"), Head("Check"), Head("What it says")), rows)


def drivers(part: Part) -> Html:
    """Mean |SHAP| by raw column, the strongest ones."""
    columns, digits = part["columns"], 3 if part["space"] == "logit" else 4
    rows = []
    for one in columns[:MOST_DRIVERS]:
        meaning = one.get("meaning", "") + (f" ({one['unit']})" if "unit" in one else "")
        said = f"{one['mean_absolute']:.{digits}f}"
        strength = bar(one["mean_absolute"] / columns[0]["mean_absolute"], said)
        rows.append((element("code", text(one["name"])), text(meaning), strength, text(said)))
    note = (
        f"Mean absolute Shapley value over {part['rows']:,} training customers, in {SPACES[part['space']]}: "
        "how far a column moves a prediction, up or down."
    )
    more = f"{len(columns) - MOST_DRIVERS} weaker columns are in card.json." if len(columns) > MOST_DRIVERS else ""
    listed = table((Head("Column"), Head("Meaning"), Head("Strength"), Head("", True)), rows)
    return join((element("p", text(note)), listed, element("p", text(more)) if more else Html("")))


def calibration(part: Part) -> Html:
    """What was said against what happened, drawn and listed."""
    rows = [(_percent(one["said"]), _percent(one["happened"]), _range(one, percent=True), _count(one["customers"])) for one in part]
    listed = table([Head(name, True) for name in ("Said", "Left", "95 % interval", "Customers")], rows, narrow=True)
    return element("div", join((calibration_plot(part), listed)), class_="beside")


def segments(part: Part) -> Html:
    """Quality by group at the operating threshold."""
    groups = part["groups"]
    shown = [key for key in SEGMENT_COLUMNS if any(key in group for group in groups)]
    rows, before = [], None
    for group in groups:
        # A segment is named once, at its first group.
        named = group if group.get("column") != before else {**group, "column": ""}
        before = group.get("column")
        rows.append([_segment_cell(key, named.get(key)) for key in shown])
    heads = [Head(SEGMENT_COLUMNS[key], key not in {"column", "group", "note"}) for key in shown]
    return join((table(heads, rows), bullets(part["notes"]) if "notes" in part else Html("")))


def _segment_cell(key: str, value: Part) -> Html:
    if value is None:
        return text("–" if key not in {"note"} else "")
    if isinstance(value, Mapping):
        percent = key in SHARES
        spread = element("span", _range(value, percent), class_="range")
        return join(((_percent if percent else _number)(value["value"]), Html(" "), spread))
    if key in SHARES:
        return _percent(value)
    if isinstance(value, float):
        return _number(value)
    return _count(value) if isinstance(value, int) else text(value)


def money(part: Part) -> Html:
    """What each threshold brings in."""
    rows = [
        (
            text(one["rule"]),
            _number(one["threshold"]),
            _percent(one["share_contacted"]),
            _amount(one["profit_per_1000"]["value"]),
            _amounts(one["profit_per_1000"]),
        )
        for one in part["rows"]
    ]
    names = ("Threshold", "Contacted", f"{part['currency']} per 1,000 customers", "95 % interval")
    heads = [Head("Rule"), *(Head(name, True) for name in names)]
    return join((table(heads, rows, narrow=True), bullets(part["said"]) if "said" in part else Html("")))


def candidates(part: Part) -> Html:
    """Everybody who was tried; the chosen one stands out."""
    shown = [name for name in SHORT if any(name in one.get(side, {}) for one in part for side in ("out_of_fold", "holdout"))]
    sides = (("out_of_fold", "Out of fold"), ("holdout", "Holdout"))
    heads = [Head("Candidate"), Head("Kind"), *(Head(NAMES[name], True, over) for _, over in sides for name in shown)]
    rows = []
    for one in part:
        name = plain_name(one["name"]) + (" (chosen)" if one.get("chosen") else "")
        values = [one.get(side, {}).get(metric) for side, _ in sides for metric in shown]
        rows.append([text(name), text(one["kind"]), *(text("–") if value is None else _number(value) for value in values)])
    marked = [bool(one.get("chosen")) for one in part]
    return table(heads, rows, marked)


def data(part: Part) -> Html:
    """Where the model comes from, and what was left out."""
    known = [
        ("File", part.get("file")),
        ("SHA-256", part.get("sha256")),
        ("Period", " to ".join(part["window"].values()) if "window" in part else None),
        ("Rows read", part.get("rows_read")),
        ("Rows quarantined", part.get("rows_quarantined")),
        ("Rows without a label yet", part.get("unlabelled")),
        ("Rows to learn from", part.get("training_rows")),
        ("Rows held out", part.get("holdout_rows")),
        ("Held out how", part.get("split")),
        ("Left, of the rows to learn from", f"{part['base_rate']:.2%}" if "base_rate" in part else None),
    ]
    rules = [(text(rule), _count(count)) for rule, count in part.get("quarantined", {}).items()]
    refused = table((Head("Refused by"), Head("Cells", True)), rules, narrow=True) if rules else Html("")
    return join((pairs(known), refused, bullets(part["notes"]) if "notes" in part else Html("")))


def pairs(known: Sequence[tuple[str, object]]) -> Html:
    """Names and what is known of each; unknown ones are left out."""
    lines = []
    for name, value in known:
        if value is not None:
            shown = _count(value) if isinstance(value, int) else text(value)
            lines.append(join((element("dt", text(name)), element("dd", shown))))
    return element("dl", join(lines))


def again(part: Part) -> Html:
    """How to train it again, and what will be the same."""
    parts = [element("pre", element("code", text(part["command"])))]
    for title, key in (("The same to the bit", "identical"), ("Not the same", "not_identical")):
        if key in part:
            parts.append(element("div", join((element("h3", text(title)), bullets(part[key])))))
    return join(parts)


def _number(value: float) -> Html:
    return text(f"{value:.4f}")


def _percent(value: float) -> Html:
    return text(f"{value:.1%}")


def _count(value: int) -> Html:
    return text(f"{value:,}")


def _amount(value: float) -> Html:
    return text(f"{value:,.0f}")


def _amounts(bounds: Part) -> Html:
    return text(f"{bounds['low']:,.0f} to {bounds['high']:,.0f}")


def _range(bounds: Part, percent: bool = False) -> Html:
    return text(f"{bounds['low']:.1%} to {bounds['high']:.1%}" if percent else f"{bounds['low']:.4f} to {bounds['high']:.4f}")
