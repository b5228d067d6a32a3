"""A file of customers: chosen, sent through the scoring API, and what came back, a page at a time."""

from __future__ import annotations

import uuid
from typing import Any

import streamlit as st

from tidegate.ui import session
from tidegate.ui.client import files
from tidegate.ui.client.http import ApiFault, ApiRefused, ApiUnreachable, KeyNeeded, RoleNeeded
from tidegate.ui.files.scoring import FileScoring, NoRoom, Stopped
from tidegate.ui.pages.file import results
from tidegate.ui.plain import plain
from tidegate.ui.session import number, percent, remembered, say

KINDS = ("csv", "tsv", "txt", "parquet")
# What other pages of the visit read: {"name", "path", "rows", "at", "model_version"}.
SCORED = "tidegate.scored"
# The file that is being scored, or that was not; the one that was; and the key that a file is sent with until it is scored.
_JOB, _DONE, _ONCE = "file.job", "file.done", "file.once"
_NO_ROOM = "Not scored: the folder for temporary files of the machine that serves this page takes no more. Make room there, or set TMPDIR."


def show() -> None:
    """The page."""
    st.title(say("Score a file"))
    job: FileScoring | None = st.session_state.get(_JOB)
    if job is not None and job.outcome is not None:
        _keep(job)
        job = None
    running = job is not None and not job.ended
    _choose(running)
    if running:
        _progress()
        return
    if job is None or not _show_failure(job):
        _show_serving()
    done: FileScoring | None = st.session_state.get(_DONE)
    if done is None:
        return
    if done.kept:
        results.show(done)
    else:
        _forget()
        st.info(say("A scored file is kept for a day, and this one was removed. Score it again."), icon=":material/auto_delete:")


def _choose(running: bool) -> None:
    given = session.settings()
    # What the API reads is the file and some hundred bytes around it: the last megabyte is not the file's alone.
    megabytes = max(1, (given.max_upload_bytes - 1) >> 20)
    size, rows = number(megabytes), number(given.max_upload_rows)
    chosen: Any = st.file_uploader(
        say("A table of customers, CSV or Parquet"),
        type=KINDS,
        key="file.chosen",
        max_upload_size=megabytes,
        help=say(
            "One line a customer, with the columns that the model was trained on; others are kept. "
            "At most {size} MB and {rows} rows at once; larger ones: tidegate score IN OUT.",
            size=size,
            rows=rows,
        ),
    )
    st.caption(say("At most {size} MB and {rows} rows. Every scored row is recorded as a prediction.", size=size, rows=rows))
    if not st.button(
        say("Score this file"), type="primary", icon=":material/calculate:", disabled=running or chosen is None, key="file.score"
    ):
        return
    if chosen is not None:
        _start(chosen)
        st.rerun()


def _start(chosen: Any) -> None:
    """Send it. The same file, sent again after a failure, has the same key: what was recorded of it is not recorded twice."""
    of_file, once = st.session_state.get(_ONCE, (None, ""))
    if of_file != chosen.file_id:
        once = uuid.uuid4().hex
    st.session_state[_ONCE] = (chosen.file_id, once)
    chosen.seek(0)
    try:
        st.session_state[_JOB] = FileScoring(session.scoring(), chosen.name, chosen, once)
    except OSError:
        st.session_state.pop(_JOB, None)
        st.error(say(_NO_ROOM))
        st.stop()


def _keep(job: FileScoring) -> None:
    """It takes the place of the file scored before, whose rows go from the disk."""
    assert job.outcome is not None
    outcome = job.outcome
    for name in (_JOB, _ONCE):
        st.session_state.pop(name, None)
    before: FileScoring | None = st.session_state.get(_DONE)
    if before is not None:
        before.remove()
    st.session_state[_DONE] = job
    st.session_state[SCORED] = {
        "name": job.name,
        "path": str(outcome.answer),
        "rows": outcome.scored.rows,
        "at": outcome.at,
        "model_version": outcome.serving.version,
    }


def _forget() -> None:
    for name in (_DONE, SCORED):
        st.session_state.pop(name, None)


@st.fragment(run_every=1.0)
def _progress() -> None:
    job: FileScoring | None = st.session_state.get(_JOB)
    if job is None or job.ended:
        st.rerun()
    assert job is not None
    if job.step == "sending":
        st.progress(0.0, say("Sending the file; no row has come back yet ({seconds} s).", seconds=number(job.seconds)))
    elif job.step == "reading":
        st.progress(1.0, say("All rows are back; they are made ready to be looked at."))
    else:
        st.progress(_share(job), _pace(job))
    st.caption(say("You may look at other pages meanwhile."))
    if st.button(say("Stop"), icon=":material/stop_circle:", key="file.stop"):
        job.stop()


def _share(job: FileScoring) -> float:
    return min(1.0, job.rows / job.expected) if job.expected else 0.0


def _pace(job: FileScoring) -> str:
    rate = job.rows / max(job.seconds, 1e-3)
    if not job.expected:
        return say("{rows} rows are back, {rate} a second.", rows=number(job.rows), rate=number(rate))
    left = max(0.0, job.expected - job.rows) / rate if rate else None
    return say(
        "{rows} of {expected} rows are back ({share}), {rate} a second, some {left} s left.",
        rows=number(job.rows),
        expected=number(job.expected),
        share=percent(_share(job), 0),
        rate=number(rate),
        left=number(left),
    )


def _show_failure(job: FileScoring) -> bool:
    """One sentence on what happened. False where the person has given another key since."""
    fault = job.fault
    if isinstance(fault, (KeyNeeded, RoleNeeded)) and session.scoring().key != job.key:
        del st.session_state[_JOB]
        return False
    if isinstance(fault, ApiRefused):
        # The API calls every file "upload"; what it quotes are headers of the table.
        detail = fault.detail.replace("upload", job.name, 1) if fault.detail.startswith("upload") else fault.detail
        st.error(say("Refused: {detail}", detail=plain(session.heard(detail))), icon=":material/block:")
    elif isinstance(fault, ApiFault):
        session.show_fault(fault)
        most = session.settings().upload_seconds
        if isinstance(fault, ApiUnreachable) and job.seconds >= most:
            st.caption(
                say(
                    "A file may take {seconds} s there (TIDEGATE_UPLOAD_SECONDS): send it in parts, or let it take longer.",
                    seconds=number(most),
                )
            )
    elif isinstance(fault, Stopped):
        st.info(say("Stopped. Nothing is shown of it."), icon=":material/stop_circle:")
    elif isinstance(fault, NoRoom):
        st.error(say(_NO_ROOM), icon=":material/hard_drive:")
    elif fault is not None:
        st.error(say("What the scoring API answered is no scored file. Look at what answers at its address."), icon=":material/block:")
    else:
        st.error(say("Not scored, by a fault of this page: the log of its server says more."), icon=":material/error:")
    if isinstance(fault, (ApiUnreachable, Stopped)):
        told = "{name} was not scored. Where some of its rows were recorded before that, scoring it again records them no second time."
        st.caption(say(told, name=plain(job.name)))
    return True


def _show_serving() -> None:
    """What a file would be scored by; asked on each visit, so that a missing key or service is told before 100 MB are sent."""
    served = remembered("file.serving", lambda: files.serving(session.scoring()))
    if served is not None:
        st.caption(
            say(
                "Version {version} serves; it flags from a probability of {threshold} on.",
                version=served.version,
                threshold=percent(served.threshold),
            )
        )
