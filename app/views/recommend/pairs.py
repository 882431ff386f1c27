"""A file of pairs: uploaded, scored by one run, and given back with score and rank."""

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
from convncf.data.reading import ReadOptions
from convncf.errors import ReadError
from convncf.inspection.scored_pairs import COLUMNS
from convncf.runs import Run

LIMIT_MB: Final = 20
"""Some million pairs; larger files go through the command line."""
_SHOWN: Final = 1000
"""Rows of the table on the page; the file has them all."""


def show(runs: Sequence[Run]) -> None:
    """Upload, choose the run, and take the scored file."""
    run = runs[0]
    if len(runs) > 1:
        st.caption(plain(f"Pairs are scored by one run: {run.name}, the first that is chosen."))
    if address.read_only():
        st.caption("This server only shows: no file is taken here. The command below scores one in a terminal.")
        _command(run, "pairs.csv")
        return
    given = st.file_uploader(
        f"A file of pairs, up to {LIMIT_MB} MB",
        max_upload_size=LIMIT_MB,
        key=f"pairs:upload:{st.session_state.setdefault('pairs:generation', 0)}",
        help="Delimited text: a user and an item in each row, by id, or the item by its whole title. Delimiter, header "
        "and columns are found out. All stays on this machine.",
    )
    _take(given)
    upload = address.chosen("pairs")
    paths = uploads.paths(upload)
    if upload is None:
        st.caption("It comes back with a row for each of its rows: score, rank, and a note where an id is unknown.")
        _command(run, "pairs.csv")
        return
    if not paths:
        widgets.problem("The uploaded file is no longer kept: uploads are removed after a day. Upload it again.")
        return
    _scored(run, upload, paths[0])
    _command(run, paths[0].name)


def _take(given: Any) -> None:
    """Keep an upload by its content: its id in the address outlives a reload."""
    if given is None:
        return
    try:
        address.choose(pairs=uploads.store([(given.name, given)]))
    except (ReadError, OSError) as error:
        widgets.problem(sentence(error))
        return
    memory.drop_files([given.file_id])  # it lies on the disk now
    st.session_state["pairs:generation"] += 1  # an empty uploader, for the next file
    st.rerun()


@report_errors
def _scored(run: Run, upload: str, path: Path) -> None:
    try:
        found = results.scored_file(cache.model(run), upload, path, ReadOptions())
    except ReadError as error:
        raise ReadError(str(error).replace(f"{path.parent}/", "")) from None  # its folder is ours, not the reader's
    for words in found.sentences:
        st.markdown(plain(words))
    rows = pd.DataFrame(found.rows[:_SHOWN], columns=list(COLUMNS))
    st.dataframe(
        rows.assign(**{name: pd.to_numeric(rows[name]) for name in ("score", "rank", "candidates", "tied")}),
        hide_index=True,
        key=f"pairs:table:{run.name}",
        alt=f"Pairs of {path.name} with score and rank under {run.name}",
        column_config={"score": st.column_config.NumberColumn(format="%.4g")},
    )
    if len(found.rows) > _SHOWN:
        st.caption(f"The first {_SHOWN:,} of {len(found.rows):,} rows; the file has them all.")
    st.download_button(
        "The scored pairs as CSV",
        data=found.to_csv,
        file_name=f"{path.stem}-{run.name}.csv",
        mime="text/csv",
        on_click="ignore",
        type="tertiary",
        icon=widgets.DOWNLOAD,
        key="pairs:csv",
    )
    st.caption("Rank: among the items that are not left out for the user, as the test evaluation ranks them.")


def _command(run: Run, name: str) -> None:
    widgets.command_line(["convncf", "score", run.name, name, "--out", "scored.csv"])
