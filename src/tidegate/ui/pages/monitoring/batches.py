"""The monitored batches, newest first, and everything about the one that is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from tidegate.ui.client.details import details
from tidegate.ui.client.monitoring import Batch
from tidegate.ui.pages.monitoring import one_batch, reports, words
from tidegate.ui.session import Reading, moment, number, operating, percent, say

CHOSEN, NEXT, _TABLE = "monitoring.batch", "monitoring.batch.next", "monitoring.table"


def show(read: Reading, found: Sequence[Batch]) -> None:
    """The list, then one batch of it."""
    if not found:
        st.info(say("No batch was monitored yet: tidegate monitor FILE, or tidegate watch."), icon=":material/monitor_heart:")
        st.caption(
            say("Or monitor one now, under Monitor now. There has to be a champion, who learned from the customers to compare with.")
        )
        return
    folders = [one.folder for one in found]
    st.dataframe(
        [_row(one) for one in found],
        hide_index=True,
        key=_TABLE,
        height=min(36 * (len(found) + 1), 330),
        selection_mode="single-row",
        on_select=lambda: _choose(folders),
        column_config=_columns(),
        alt=say("Monitored batches, newest first"),
    )
    st.caption(say("Newest first, as monitoring found them at the time beside them. Choose a row, or a batch here, to see all of it."))
    st.caption(say("Two figures: rows and the share of them in quarantine; ROC-AUC as estimated and as realised."))
    by_folder = {one.folder: one for one in found}
    # A run that has just ended asks for its batch to be the chosen one.
    if (ended := st.session_state.pop(NEXT, None)) in by_folder:
        st.session_state[CHOSEN] = ended
    if st.session_state.get(CHOSEN) not in by_folder:
        st.session_state[CHOSEN] = folders[0]
    chosen = st.selectbox(say("Batch"), folders, format_func=lambda folder: _name(by_folder[folder]), key=CHOSEN)
    _one(read, by_folder[chosen])


def _choose(folders: Sequence[str]) -> None:
    """The row that was clicked becomes the chosen batch."""
    rows = st.session_state[_TABLE]["selection"]["rows"]
    if rows and rows[0] < len(folders):
        st.session_state[CHOSEN] = folders[rows[0]]


def _one(read: Reading, batch: Batch) -> None:
    if batch.damaged:
        st.warning(
            say("The file of this run is damaged: remove its folder from the reports, or monitor the batch again."),
            icon=":material/broken_image:",
        )
        return
    found = read(f"monitoring.batch.{batch.folder}", lambda: details(operating(), batch.folder))
    if found is None:
        return
    one_batch.show(batch, found)
    reports.show(batch)


def _name(batch: Batch) -> str:
    return f"{batch.folder} · {words.damaged() if batch.damaged else words.verdict(batch.health)}"


def _row(batch: Batch) -> dict[str, str]:
    drifted = batch.drifted_features
    return {
        say("Batch"): batch.batch,
        say("When (UTC)"): moment(batch.at).removesuffix(" UTC"),
        say("Health"): words.damaged() if batch.damaged else words.verdict(batch.health),
        say("Data"): words.verdict(batch.data_stability),
        say("Columns"): words.verdict(batch.column_drift) + (f", {number(len(drifted))}" if drifted else ""),
        say("Dataset"): words.verdict(batch.dataset_drift),
        say("Performance"): words.verdict(batch.performance),
        say("Rows"): f"{number(batch.rows)} · {percent(batch.quarantined_share)}",
        "ROC-AUC": f"{number(batch.estimated_roc_auc, 3)} · {number(batch.realised_roc_auc, 3)}",
    }


def _columns() -> dict[str, Any]:
    right = {
        say("Rows"): say("Rows that came · the share of them that broke the contract and went into quarantine"),
        "ROC-AUC": say("As estimated before labels came · as realised on the newest batch with matured labels, as a rule an earlier one"),
    }
    left = {
        say("Health"): say("The worst of data, dataset and performance"),
        say("Data"): say("Quarantined rows, missing values, new levels"),
        say("Columns"): say("Whether features drifted, and how many"),
        say("Dataset"): say("Whether too many did, or something between them has changed"),
        say("Performance"): say("Whether ROC-AUC is down by more than may be, or calibration has broken"),
    }
    return {
        **{name: st.column_config.TextColumn(name, alignment="right", help=text) for name, text in right.items()},
        **{name: st.column_config.TextColumn(name, help=text) for name, text in left.items()},
        say("Batch"): st.column_config.TextColumn(say("Batch"), pinned=True),
    }
