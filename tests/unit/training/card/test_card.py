"""The card says what it was told, leaves out what it was not, and is one harmless page."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tidegate.measures.intervals import Interval
from tidegate.training.card.document import card_document
from tidegate.training.card.drivers import Driver, Drivers
from tidegate.training.card.facts import CalibrationBin, CardFacts, MoneyFacts, MoneyRow, Tried
from tidegate.training.card.page import SECTIONS, card_html
from tidegate.training.card.sections import SEGMENT_COLUMNS
from tidegate.training.card.write import write_card
from tidegate.training.honesty import Finding

BARE = CardFacts(
    table="telecom",
    algorithm="lightgbm",
    kind="tuned",
    created_at="2026-11-23",
    code_version="0.1.0",
    data_sha256="ab12",
    training_rows=8_000,
    holdout_rows=2_000,
    split="latest period",
    base_rate=0.1625,
    threshold=0.4321,
    threshold_rule="highest F1, out of fold",
    why="It is the simplest within noise.",
    reproduce="tidegate train telecom.csv --label gone --seed 42",
)
FULL = replace(
    BARE,
    meaning="Subscribers",
    data_file="telecom.csv",
    window=("2025-01", "2025-09"),
    rows_read=10_012,
    rows_quarantined=12,
    quarantined={"limit": 9, "type": 3},
    unlabelled=55,
    data_notes=("3 rows have no id.",),
    members={"lightgbm": 0.25, "catboost": 0.75},
    candidates=(
        Tried("lightgbm", "tuned", {"roc_auc": 0.9101, "pr_auc": 0.71}, {"roc_auc": 0.9055}),
        Tried("logit_average", "ensemble", {"roc_auc": 0.9202}, {"roc_auc": 0.9177}, chosen=True),
    ),
    metrics={"roc_auc": (0.9177, 0.9012, 0.9301), "log_loss": (0.2211, 0.2101, 0.2333)},
    segments=(
        {"column": "region", "group": "north", "customers": 612, "left": 80, "recall": Interval(0.81, 0.7, 0.9), "roc_auc": 0.91},
        {"column": "region", "group": "south", "customers": 9, "left": 1, "recall": None, "roc_auc": float("nan"), "note": "too few"},
    ),
    segment_notes=("Recall differs by 0.07 at most.",),
    calibration=(CalibrationBin(0.1, 0.12, 0.09, 0.15, 400), CalibrationBin(0.8, 0.77, 0.7, 0.84, 120)),
    drivers=Drivers("logit", 1000, (Driver("calls", 1.25, "Calls a month", "calls"), Driver("region", 0.5, "", ""))),
    findings=(Finding("imbalance", "ok", "Neither is rare."), Finding("order", "warning", "Ordered.", {"roc_auc": {"place": 0.61}})),
    money=MoneyFacts("EUR", (MoneyRow("F1", 0.43, 0.15, (4120.0, 3800.0, 4490.0)),), ("F1 costs 510.",)),
    limits=("No month of December was seen.",),
    identical=("The trees.",),
    not_identical=("The time of training.",),
)

SHOWN = (
    "Subscribers",
    "logit average (chosen)",
    "0.9177",
    "0.9012 to 0.9301",
    "2025-01 to 2025-09",
    "10,012",
    "16.25%",
    "ab12",
    "lightgbm 0.250, catboost 0.750",
    "0.4321: highest F1, out of fold",
    "Calls a month (calls)",
    "81.0%",
    "70.0% to 90.0%",
    "too few",
    "4,120",
    "3,800 to 4,490",
    "Ordered.",
    "No month of December was seen.",
    "The time of training.",
    "tidegate train telecom.csv --label gone --seed 42",
)


class Page(HTMLParser):
    """Checks that tags close in order, and collects texts, tags and attributes."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in {"meta"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.texts)


def test_the_document_holds_every_fact() -> None:
    document = card_document(FULL)
    assert document["metrics"]["roc_auc"] == {"value": 0.9177, "low": 0.9012, "high": 0.9301}
    assert document["model"]["members"] == {"lightgbm": 0.25, "catboost": 0.75}
    assert document["data"]["window"] == {"first": "2025-01", "last": "2025-09"}
    assert document["data"]["quarantined"] == {"limit": 9, "type": 3}
    assert document["segments"]["groups"][0]["recall"] == {"value": 0.81, "low": 0.7, "high": 0.9}
    assert document["segments"]["groups"][1] == {"column": "region", "group": "south", "customers": 9, "left": 1, "note": "too few"}
    assert document["drivers"]["columns"][1] == {"name": "region", "mean_absolute": 0.5}
    assert document["findings"][1]["evidence"] == {"roc_auc": {"place": 0.61}}
    assert document["money"]["rows"][0]["profit_per_1000"]["high"] == 4490.0
    assert document["again"]["command"] == FULL.reproduce
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_the_page_shows_every_section_and_fact() -> None:
    page = Page(card_html(card_document(FULL)))
    for _, title, _ in SECTIONS:
        assert title in page.texts
    for fact in SHOWN:
        assert fact in page.text, fact
    assert page.text.index("Ordered.") < page.text.index("Neither is rare.")


def test_what_is_missing_is_left_out() -> None:
    document = card_document(BARE)
    assert set(document) == {"format", "model", "use", "data", "again"}
    page = Page(card_html(document))
    shown = {title for key, title, _ in SECTIONS if key in {"use", "data", "again"}}
    assert {title for _, title, _ in SECTIONS if title in page.texts} == shown
    for word in ("None", "nan", "Rows read", "Period", "Members"):
        assert word not in page.text


@pytest.mark.parametrize("name", ["meaning", "why", "reproduce", "algorithm", "split", "data_file"])
def test_every_text_is_escaped(name: str) -> None:
    hostile = "<script>alert(1)</script>\"'&<img src=x onerror=alert(1)>"
    page = Page(card_html(card_document(replace(FULL, **{name: hostile}))))
    assert "script" not in page.tags
    assert "img" not in page.tags
    assert hostile.replace("_", " ") in page.text.replace("_", " ")


def test_texts_deep_in_the_card_are_escaped() -> None:
    hostile = '"><script>x</script>'
    facts = replace(
        FULL,
        quarantined={hostile: 1},
        members={hostile: 1.0},
        candidates=(Tried(hostile, hostile, {}, {}),),
        segments=({"column": hostile, "group": hostile, "note": hostile},),
        drivers=Drivers("logit", 1, (Driver(hostile, 1.0, hostile, hostile),)),
        findings=(Finding(hostile, "note", hostile),),
        metrics={hostile: (0.0, 0.0, 0.0)},
        limits=(hostile,),
        money=MoneyFacts(hostile, (MoneyRow(hostile, 0.1, 0.1, (0.0, 0.0, 0.0)),), (hostile,)),
    )
    page = Page(card_html(card_document(facts)))
    assert "script" not in page.tags
    assert page.text.count(hostile) >= 14


def test_the_page_needs_nothing_from_elsewhere_and_no_script() -> None:
    page = Page(card_html(card_document(FULL)))
    assert set(page.tags) & {"script", "link", "img", "iframe", "object", "base", "form"} == set()
    assert not [name for name, _ in page.attributes if name in {"src", "href", "style", "xlink:href"} or name.startswith("on")]
    assert not any(word in page.text for word in ("@import", "url(", "http:", "https:"))
    assert "prefers-color-scheme: dark" in page.text
    assert "@media print" in page.text


def test_a_card_takes_plain_values_only() -> None:
    assert card_document(replace(BARE, base_rate=np.float64(0.5)))["data"]["base_rate"] == 0.5  # type: ignore[arg-type]
    rows: Any = np.zeros((2, 2))
    with pytest.raises(TypeError, match="plain values"):
        card_document(replace(BARE, segments=({"column": rows},)))


def test_segments_with_every_column_are_shown() -> None:
    group = dict.fromkeys(SEGMENT_COLUMNS, 0.5) | {"column": "c", "group": "g", "note": "n", "customers": 1_234, "left": 1}
    page = Page(card_html(card_document(replace(BARE, segments=(group,)))))
    assert set(SEGMENT_COLUMNS.values()) <= set(page.texts)
    assert "1,234" in page.text


def test_both_files_are_written_and_the_same_each_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_card(tmp_path / name, FULL)
    assert json.loads((tmp_path / "one/card.json").read_text(encoding="utf-8")) == card_document(FULL)
    for file in ("card.json", "card.html"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
