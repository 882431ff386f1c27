"""File of pairs: uploaded, scored by one run, and returned with score and rank."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd
import streamlit as st

from app.ui import address, cache, memory, uploads, widgets
from app.ui.pair import report_errors
from app.ui.text import plain, sentence
from app.views.recommend import results
from convncf.data.reading.options import ReadOptions
from convncf.errors import ReadError
from convncf.inspection.scored_pairs import COLUMNS
from convncf.runs import Run

LIMIT_MB: Final = 20
"""About a million pairs; larger files are scored on the command line."""
_SHOWN: Final = 1000
"""Rows of the table on the page; the download has all."""


def show(runs: Sequence[Run]) -> None:
    """Upload a file, and download it with scores."""
    run = runs[0]
    if len(runs) > 1:
        st.caption(plain(f"Pairs are scored by one run: {run.name}, the first that is chosen."))
    if address.read_only():
        st.caption("This server is read-only and accepts no file. The command below scores one in a terminal.")
        _command(run, "pairs.csv")
        return
    uploaded = st.file_uploader(
        f"A file of pairs, up to {LIMIT_MB} MB",
        max_upload_size=LIMIT_MB,
        key=f"pairs:upload:{st.session_state.setdefault('pairs:generation', 0)}",
        help="Delimited text: a user and an item in each row, by id, or the item by its whole title. Delimiter, header "
        "and columns are detected automatically. All stays on this machine.",
    )
    _store(uploaded)
    upload = address.chosen("pairs")
    paths = uploads.paths(upload)
    if upload is None:
        st.caption("The result has a row for each of its rows: score, rank, and a note where an id is unknown.")
        _command(run, "pairs.csv")
        return
    if not paths:
        widgets.problem("The uploaded file no longer exists: uploads are removed after a day. Upload it again.")
        return
    _scored(run, upload, paths[0])
    _command(run, paths[0].name)


def _store(uploaded: Any) -> None:
    """Store an upload: its id in the address survives a reload."""
    if uploaded is None:
        return
    try:
        address.choose(pairs=uploads.store([(uploaded.name, uploaded)]))
    except (ReadError, OSError) as error:
        widgets.problem(sentence(error))
        return
    memory.drop_files([uploaded.file_id])  # it is on the disk now
    st.session_state["pairs:generation"] += 1  # an empty uploader, for the next file
    st.rerun()


@report_errors
def _scored(run: Run, upload: str, path: Path) -> None:
    try:
        scored = results.scored_file(cache.model(run), upload, path, ReadOptions())
    except ReadError as error:
        raise ReadError(
            str(error).replace(f"{path.parent}/", "")
        ) from None  # the reader does not know its temporary folder
    for line in scored.sentences:
        st.markdown(plain(line))
    table = pd.DataFrame(scored.rows[:_SHOWN], columns=list(COLUMNS))
    st.dataframe(
        table.assign(**{name: pd.to_numeric(table[name]) for name in ("score", "rank", "candidates", "tied")}),
        hide_index=True,
        key=f"pairs:table:{run.name}",
        alt=f"Pairs of {path.name} with score and rank under {run.name}",
        column_config={"score": st.column_config.NumberColumn(format="%.4g")},
    )
    if len(scored.rows) > _SHOWN:
        st.caption(f"The first {_SHOWN:,} of {len(scored.rows):,} rows; the download has all.")
    st.download_button(
        "Scored pairs as CSV",
        data=scored.to_csv,
        file_name=f"{path.stem}-{run.name}.csv",
        mime="text/csv",
        on_click="ignore",
        type="tertiary",
        icon=widgets.DOWNLOAD,
        key="pairs:csv",
    )
    st.caption("Rank: among the items that are not excluded for the user, as in the test evaluation.")


def _command(run: Run, name: str) -> None:
    widgets.command_line(["convncf", "score", run.name, name, "--out", "scored.csv"])
