"""The history of runs: every run has its row, whatever its file says, and nothing in it becomes markup."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tidegate.monitoring.site import read_runs, summary, write_site

RUN = {
    "batch": "prod_batch_02",
    "at": "2026-02-01T06:15:00+00:00",
    "rows": 3_000,
    "quarantined": 211,
    "health": "FAIL",
    "data_stability": "WARNING",
    "column_drift": "FAIL",
    "dataset_drift": "PASS",
    "drifted_features": ["age", "visits"],
    "estimated": {"roc_auc": {"value": 0.87, "low": 0.85, "high": 0.89}},
    "realised": {"metrics": {"roc_auc": {"value": 0.9, "low": 0.8, "high": 0.95}}},
    "model_version": "3",
    "warnings": ["one"],
}


def put(reports: Path, folder: str, document: object) -> None:
    (reports / folder).mkdir(parents=True)
    (reports / folder / "drift_tests.json").write_text(document if isinstance(document, str) else json.dumps(document))


class Page(HTMLParser):
    """What a browser would make of a page: its elements, its links, its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attributes if name in ("href", "src")]
        assert not [name for name, _ in attributes if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_home_without_runs_has_a_page_that_says_what_to_do(tmp_path: Path) -> None:
    page = write_site(tmp_path / "new" / "reports")
    assert "No batch has been monitored yet" in page.read_text()
    assert json.loads(page.with_name("index.json").read_text()) == {"runs": []}


def test_every_figure_of_a_run_leads_to_its_file_and_every_link_leads_somewhere(tmp_path: Path) -> None:
    put(tmp_path, "prod batch#02", RUN)
    (tmp_path / "prod batch#02" / "monitoring_report.html").write_text("drift")
    page = Page(write_site(tmp_path))
    assert "prod%20batch%2302/drift_tests.json" in page.links
    assert "prod%20batch%2302/monitoring_report.html" in page.links
    assert not any("performance_report" in link for link in page.links), "a page that is not there is linked"
    for shown in (
        "prod_batch_02",
        "2026-02-01 06:15",
        "FAIL",
        "WARNING",
        "PASS",
        "3,000",
        "211",
        "0.870",
        "0.900",
        "age, visits",
        "1 warning",
    ):
        assert shown in page.text
    cells = re.findall(r"<td.*?</td>", (tmp_path / "index.html").read_text(), flags=re.DOTALL)
    assert len(cells) == 13
    assert all("drift_tests.json" in cell for cell in cells)


def test_the_newest_run_comes_first_and_one_being_written_not_at_all(tmp_path: Path) -> None:
    put(tmp_path, "a", {**RUN, "at": "2026-01-01T00:00:00+00:00"})
    put(tmp_path, "b", {**RUN, "at": "2026-03-01T00:00:00+00:00"})
    put(tmp_path, "c", {"batch": "without a time"})
    put(tmp_path, ".d.77.part", RUN)
    assert [run.folder for run in read_runs(tmp_path)] == ["b", "a", "c"]


@pytest.mark.parametrize("damage", ['{"batch": ', "[]", "null", "\x00\xff", "[" * 100_000, '{"rows": 1e999, "at": 5, "health": []}'])
def test_a_damaged_file_has_a_row_and_costs_the_others_nothing(tmp_path: Path, damage: str) -> None:
    put(tmp_path, "broken", damage)
    put(tmp_path, "sound", RUN)
    page = Page(write_site(tmp_path))
    assert "broken" in page.text
    assert "prod_batch_02" in page.text
    assert len(json.loads((tmp_path / "index.json").read_text())["runs"]) == 2


def test_what_a_file_says_is_never_markup(tmp_path: Path) -> None:
    attack = "\"'><img src=x onerror=alert(1)><script>alert(2)</script>"
    document = dict.fromkeys(RUN, attack) | {"drifted_features": [attack], "warnings": [attack], "estimated": {"roc_auc": attack}}
    put(tmp_path, "x'\"><script>alert(3)<", document)
    page = Page(write_site(tmp_path))
    assert page.tags.count("script") == 1
    assert "img" not in page.tags
    assert attack in page.text


def test_the_page_asks_nobody_for_anything(tmp_path: Path) -> None:
    put(tmp_path, "a", RUN)
    page = write_site(tmp_path)
    assert not re.search(r"https?://|//[a-z]|@import|url\(", page.read_text())
    assert page.stat().st_size < 20_000


def test_what_is_absent_or_strange_is_null() -> None:
    from tidegate.monitoring.site import Run

    found = summary(Run("f", {"rows": True, "health": "GREAT", "estimated": 3, "realised": {"metrics": {}}, "drifted_features": "x"}, ()))
    assert [found[name] for name in ("rows", "health", "estimated_roc_auc", "realised_roc_auc", "drifted_features")] == [None] * 5
