"""Score a file: sent once, shown whole or not at all, and every failure is one sentence after which the choice is still there."""

from __future__ import annotations

import csv
import gc
import io
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet
import pytest
from streamlit.testing.v1 import AppTest

from guarded import Guarded, guarded
from tidegate.ledger.predictions import count_predictions
from tidegate.settings import Settings
from tidegate.ui import session
from tidegate.ui.client.http import Api
from tidegate.ui.files import folders
from tidegate.ui.files.scoring import FileScoring, rows_of
from unit.ui.visits import SCORING, away, fake, texts, visit

MODEL = {"model_version": "1", "threshold": 0.5}
SERVES = {"/model-info": MODEL, "/features": {"columns": [], "features": [], "id": "clientnum"}}


def page() -> None:
    import streamlit as st

    from tidegate.ui import session
    from tidegate.ui.pages import file

    session.show_key()
    if not st.session_state.get("elsewhere"):
        file.show()


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    folders._of_this_process.cache_clear()
    yield folder
    folders._of_this_process.cache_clear()


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Guarded]:
    with guarded(tmp_path, with_keys=False) as made:
        yield made


def table(customer: dict[str, Any], count: int = 30) -> bytes:
    """Customers of many ages; rows 4 and 9 are refused, and the notes are what a spreadsheet would run."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["CLIENTNUM", *customer, "note"])
    for row in range(1, count + 1):
        changes = {"customer_age": 20 + row % 90, **({"gender": "zzz"} if row == 4 else {}), **({"credit_limit": ""} if row == 9 else {})}
        writer.writerow([f"C{row:03d}", *{**customer, **changes}.values(), "=1+1" if row % 2 else "-5"])
    return text.getvalue().encode()


def choose(test: AppTest, content: bytes, name: str = "customers.csv") -> AppTest:
    test.file_uploader[0].set_value((name, content, "text/csv")).run()
    assert not test.exception, test.exception
    return test


def score(test: AppTest) -> AppTest:
    """Press the button, and look again when it has ended."""
    next(one for one in test.button if one.key == "file.score").click().run()
    assert not test.exception, test.exception
    if "file.job" in test.session_state:
        test.session_state["file.job"].wait(30)
    test.run()
    assert not test.exception, test.exception
    return test


def metrics(test: AppTest) -> dict[str, str]:
    return {one.label: one.value for one in test.metric}


def frame(test: AppTest, name: str) -> Any:
    """A table of the page: customers, and where rows were refused, rules and refused."""
    return test.dataframe[("customers", "rules", "refused").index(name)].value


def held(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("*/*/*")]


def test_before_a_file_is_chosen_it_says_the_limits_and_what_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    test = visit(monkeypatch, page, fake(SERVES), fake({}))
    said = texts(test)
    assert "At most 511 MB and 1,000,000 rows." in said
    assert "Version 1 serves; it flags from a probability of 50.0% on." in said
    assert "At most 511 MB and 1,000,000 rows at once" in test.file_uploader[0].help
    assert next(one for one in test.button if one.key == "file.score").disabled
    assert "tidegate.scored" not in test.session_state


def test_a_file_is_scored_and_what_is_shown_is_what_came_back(monkeypatch: pytest.MonkeyPatch, api: Guarded, temporary: Path) -> None:
    test = score(choose(visit(monkeypatch, page, api.client, fake({})), table(api.customer)))
    kept = test.session_state["tidegate.scored"]
    assert {name: kept[name] for name in ("name", "rows", "model_version")} == {"name": "customers.csv", "rows": 30, "model_version": "1"}
    with Path(kept["path"]).open(newline="") as file:
        answered = list(csv.DictReader(file))
    scored = [float(one["churn_probability"]) for one in answered if one["churn_probability"]]
    shown = metrics(test)
    assert {name: shown[name] for name in ("Rows", "Scored", "Refused")} == {"Rows": "30", "Scored": "28", "Refused": "2"}
    assert shown["High risk"] == str(sum(one >= 0.5 for one in scored))
    assert shown["Medium risk"] == str(sum(0.25 <= one < 0.5 for one in scored))
    assert shown["Low risk"] == str(sum(one < 0.25 for one in scored))
    rows = frame(test, "customers")
    assert rows["probability"].tolist() == sorted(scored, reverse=True)
    assert rows["f0"].tolist() == [f"C{row:03d}" for row in rows["row"]]
    assert sorted(held(temporary)) == ["position.npy", "probability.npy", "refused.npy", "scored.csv", "table.arrow"]


def test_the_refused_rows_are_named_with_column_rule_and_reason(monkeypatch: pytest.MonkeyPatch, api: Guarded) -> None:
    test = score(choose(visit(monkeypatch, page, api.client, fake({})), table(api.customer)))
    rules = frame(test, "rules")
    assert rules[["Rows", "Column", "Rule", "Found"]].values.tolist() == [
        [1, "gender", "An unknown level", "text"],
        [1, "credit_limit", "A value is missing", "an empty cell"],
    ]
    refused = frame(test, "refused")
    assert refused[["Row", "CLIENTNUM", "Column"]].values.tolist() == [[4, "C004", "gender"], [9, "C009", "credit_limit"]]


def test_what_is_downloaded_runs_nothing_in_a_spreadsheet(monkeypatch: pytest.MonkeyPatch, api: Guarded) -> None:
    from tidegate.ui.files.scored import write_refused

    offered: dict[str, Callable[[], bytes]] = {}
    test = choose(visit(monkeypatch, page, api.client, fake({})), table(api.customer))
    monkeypatch.setattr(
        "streamlit.delta_generator.DeltaGenerator.download_button", lambda _, label, data, **more: offered.update({more["key"]: data})
    )
    score(test)
    for key, count in (("file.download", 30), ("file.download.refused", 2)):
        rows = list(csv.DictReader(io.StringIO(offered[key]().decode())))
        assert len(rows) == count
        assert {row["note"] for row in rows} == {"'=1+1", "-5"}
    assert [row["row"] for row in rows] == ["4", "9"]
    assert write_refused(test.session_state["file.done"].outcome.scored).read_bytes() == offered["file.download.refused"]()


def test_filters_order_and_search(monkeypatch: pytest.MonkeyPatch, api: Guarded) -> None:
    test = score(choose(visit(monkeypatch, page, api.client, fake({})), table(api.customer)))
    every = frame(test, "customers")
    least = float(every["probability"].median())
    next(one for one in test.number_input if one.key == "file.least").set_value(100 * least).run()
    assert frame(test, "customers")["row"].tolist() == every[every["probability"] >= least]["row"].tolist()
    next(one for one in test.number_input if one.key == "file.least").set_value(0.0)
    next(one for one in test.selectbox if one.key == "file.order").set_value("file")
    next(one for one in test.text_input if one.key == "file.search").set_value("c01").run()
    assert frame(test, "customers")["row"].tolist() == list(range(10, 20))
    next(one for one in test.text_input if one.key == "file.search").set_value("nobody").run()
    assert "No customer is like that." in [one.value for one in test.info]
    assert not test.exception


def test_a_segment_is_a_filter_and_a_page_has_500_rows(monkeypatch: pytest.MonkeyPatch, api: Guarded) -> None:
    test = score(choose(visit(monkeypatch, page, api.client, fake({})), table(api.customer, 1200)))
    assert len(frame(test, "customers")) == 500
    test.pagination[0].set_value(3).run()
    assert "1,001 to 1,198 of 1,198 customers; 1,198 were scored." in texts(test)
    assert len(frame(test, "customers")) == 198
    low = metrics(test)["Low risk"]
    next(one for one in test.button_group if one.key == "file.segments").set_value([0]).run()
    assert f"of {low} customers" in texts(test)
    assert not test.exception


def test_it_is_sent_once_and_stays_while_other_pages_are_looked_at(monkeypatch: pytest.MonkeyPatch, api: Guarded) -> None:
    test = score(choose(visit(monkeypatch, page, api.client, fake({})), table(api.customer)))
    test.session_state["elsewhere"] = True
    test.run()
    assert not test.metric
    test.session_state["elsewhere"] = False
    test.run()
    assert metrics(test)["Rows"] == "30"
    assert api.service.ledger is not None
    assert count_predictions(api.service.ledger) == 28


def test_the_rows_of_the_file_before_go_from_the_disk(monkeypatch: pytest.MonkeyPatch, api: Guarded, temporary: Path) -> None:
    test = score(choose(visit(monkeypatch, page, api.client, fake({})), table(api.customer)))
    first = Path(test.session_state["tidegate.scored"]["path"])
    score(choose(test, table(api.customer, 12), "others.csv"))
    assert not first.exists()
    assert test.session_state["tidegate.scored"]["rows"] == 12
    assert len(held(temporary)) == 5


def test_rows_go_from_the_disk_with_the_visit_that_had_them_scored(api: Guarded, temporary: Path) -> None:
    job = FileScoring(Api("scoring API", api.client), "customers.csv", io.BytesIO(table(api.customer)), "once")
    job.wait(30)
    assert job.outcome is not None
    assert job.kept
    del job
    gc.collect()
    assert held(temporary) == []


def test_a_file_that_was_removed_meanwhile_is_not_shown(monkeypatch: pytest.MonkeyPatch, api: Guarded) -> None:
    test = score(choose(visit(monkeypatch, page, api.client, fake({})), table(api.customer)))
    Path(test.session_state["tidegate.scored"]["path"]).unlink()
    test.run()
    assert [one.value for one in test.info] == ["A scored file is kept for a day, and this one was removed. Score it again."]
    assert not test.metric
    assert "tidegate.scored" not in test.session_state


def test_in_french(monkeypatch: pytest.MonkeyPatch, api: Guarded) -> None:
    test = score(choose(visit(monkeypatch, page, api.client, fake({}), "fr"), table(api.customer)))
    assert {"Lignes", "Évaluées", "Refusées", "Risque élevé"} <= set(metrics(test))
    rules = frame(test, "rules")
    assert rules[["Règle", "Attendu", "Trouvé"]].values.tolist() == [
        ["Une modalité inconnue", "l’une de\u00a0: F, M", "du texte"],
        ["Une valeur manque", "un nombre fini, jamais vide", "une cellule vide"],
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "Refused: customers\\.csv is empty\\. Give a file with a header line and one line a customer\\."),
        (b"Customer_Age\n3\n", "Refused: customers\\.csv lacks columns gender, "),
        (bytes(range(256)) * 10, "Refused: "),
    ],
)
def test_what_is_no_customer_table_is_one_sentence(monkeypatch: pytest.MonkeyPatch, api: Guarded, content: bytes, sentence: str) -> None:
    test = score(choose(visit(monkeypatch, page, api.client, fake({})), content))
    (error,) = test.error
    assert error.value.replace("\\_", "_").startswith(sentence.replace("\\_", "_")), error.value
    assert not test.metric
    assert test.file_uploader[0].value.getvalue() == content
    assert "tidegate.scored" not in test.session_state


def failing(after: list[Any]) -> Callable[[httpx.Request], httpx.Response]:
    """An API whose answers to a file are those: bytes are a whole answer, an exception comes after the first piece, a pair is a refusal."""
    asked: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path in SERVES:
            return httpx.Response(200, json=SERVES[request.url.path])
        request.read()
        asked.append(request.headers["Idempotency-Key"])
        answer = after[len(asked) - 1]
        if isinstance(answer, tuple):
            return httpx.Response(answer[0], json={"error": "x", "detail": answer[1], "id": "1"})
        return httpx.Response(200, stream=_Pieces(answer))

    handle.asked = asked  # type: ignore[attr-defined]
    return handle


class _Pieces(httpx.SyncByteStream):
    def __init__(self, answer: bytes | Exception) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield ANSWER[:120]
        if isinstance(self._answer, Exception):
            raise self._answer
        yield ANSWER[120:]


ANSWER = b"CLIENTNUM,churn_probability,churn_prediction,model_version,refused\n" + b"".join(
    f"{row},0.{row:03d},0,1,\n".encode() for row in range(1, 100)
)
BROKEN = httpx.RemoteProtocolError("peer closed connection without sending complete message body (incomplete chunked read)")


def test_a_service_that_goes_away_in_the_middle_leaves_nothing_half_shown(monkeypatch: pytest.MonkeyPatch, temporary: Path) -> None:
    handle = failing([BROKEN, ANSWER, ANSWER])
    client = httpx.Client(transport=httpx.MockTransport(handle), base_url="http://api")
    test = score(choose(visit(monkeypatch, page, client, fake({})), b"CLIENTNUM\n1\n"))
    assert [one.value for one in test.error] == [
        "The scoring API broke off in the middle of its answer. Start it, or wait a moment and try again; what you typed stays."
    ]
    assert not test.metric
    assert held(temporary) == []
    score(test)
    assert metrics(test)["Scored"] == "99"
    assert not test.error
    score(test)
    first, again, anew = handle.asked  # type: ignore[attr-defined]
    assert first == again, "what was recorded before would be recorded twice"
    assert anew != first, "the same file, scored again later, would get the answer of then"


def test_an_earlier_file_stays_where_the_next_one_is_not_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    client = httpx.Client(transport=httpx.MockTransport(failing([ANSWER, (413, "The file has too many rows.")])), base_url="http://api")
    test = score(choose(visit(monkeypatch, page, client, fake({})), b"CLIENTNUM\n1\n"))
    score(choose(test, b"CLIENTNUM\n2\n", "next.csv"))
    assert [one.value for one in test.error] == ["Refused: The file has too many rows\\."]
    assert test.session_state["tidegate.scored"]["name"] == "customers.csv"
    assert test.subheader[0].value == "customers\\.csv"


def test_something_else_that_answers_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield b"<html>"

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path in SERVES:
            return httpx.Response(200, json=SERVES[request.url.path])
        return httpx.Response(200, stream=Other())

    client = httpx.Client(transport=httpx.MockTransport(handle), base_url="http://api")
    test = score(choose(visit(monkeypatch, page, client, fake({})), b"CLIENTNUM\n1\n"))
    assert [one.value for one in test.error] == ["What the scoring API answered is no scored file. Look at what answers at its address."]


def test_a_key_that_has_expired_is_asked_for_and_the_next_one_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with guarded(tmp_path) as api:
        test = visit(monkeypatch, page, api.client, fake({}))
        assert [one.value for one in test.warning] == ["An API key is needed: give it at the side."]
        score(choose(test, table(api.customer)))
        assert len(test.warning) == 1
        assert len(test.sidebar.text_input) == 1
        test.sidebar.text_input[0].input(api.keys["desk"])
        next(one for one in test.sidebar.button if one.label == "Use this key").click().run()
        assert not test.warning
        score(test)
        assert metrics(test)["Scored"] == "28"


def test_a_service_that_is_away_is_told_before_a_file_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    test = visit(monkeypatch, page, away(), fake({}))
    assert [one.value[:34] for one in test.error] == ["The scoring API does not answer. S"]
    score(choose(test, b"a\n1\n"))
    assert len(test.error) == 1
    assert "customers\\.csv was not scored" in texts(test)


def test_a_disk_without_room_is_told(monkeypatch: pytest.MonkeyPatch, api: Guarded) -> None:
    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    test = choose(visit(monkeypatch, page, api.client, fake({})), table(api.customer))
    monkeypatch.setattr("tidegate.ui.files.scoring.prepare", full)
    score(test)
    assert [one.value[:59] for one in test.error] == ["Not scored: the folder for temporary files of the machine t"]


def test_a_name_and_a_header_are_not_markdown(monkeypatch: pytest.MonkeyPatch, api: Guarded) -> None:
    test = score(choose(visit(monkeypatch, page, api.client, fake({})), table(api.customer), "[a](x).csv"))
    assert test.subheader[0].value == "\\[a\\]\\(x\\)\\.csv"


def test_the_rows_that_will_come_back_are_known_before(tmp_path: Path) -> None:
    def rows(content: bytes) -> int | None:
        (tmp_path / "file").write_bytes(content)
        return rows_of(tmp_path / "file")

    assert [rows(content) for content in (b"a\n1\n2", b"a\r\n1\r\n", b"a\r1\r2\r", b"", b"PAR1 and nothing else")] == [2, 1, 2, 0, None]
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pa.table({"a": list(range(7))}), sink)
    assert rows(sink.getvalue()) == 7


def test_the_limit_of_the_page_is_that_of_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    visit(monkeypatch, page, fake(SERVES), fake({}))
    monkeypatch.setattr(session, "settings", lambda: Settings(max_upload_bytes=2 << 30, max_upload_rows=5))
    test = AppTest.from_function(page, default_timeout=30)
    test.query_params["lang"] = "en"
    assert "At most 2,047 MB and 5 rows." in texts(test.run())
    assert SCORING
