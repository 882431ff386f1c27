"""What reading a file kept, and what it left out and why: a ReadReport as it is stored with the dataset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from app import widgets
from app.wording import plain, plural


def show(report: Mapping[str, Any]) -> None:
    """Counts in a row, then a line for whatever was not simply kept."""
    widgets.facts(
        {
            "Rows read": f"{report['rows']:,}",
            "Kept": f"{report['kept']:,}",
            "Left out": f"{report['n_dropped']:,}",
            "Merged": f"{report['merged']:,}",
            "Users": f"{report['n_users']:,}",
            "Items": f"{report['n_items']:,}",
        }
    )
    for warning in report.get("warnings", ()):  # reports of earlier versions have none
        st.warning(plain(f"{warning[:1].upper()}{warning[1:]}{'' if warning.endswith('?') else '.'}"))
    rows = [
        {"Left out because": dropped["reason"], "Rows": dropped["count"], "On lines": _lines(dropped)}
        for dropped in report["dropped"]
    ]
    if rows:
        st.dataframe(pd.DataFrame(rows), hide_index=True, width="content", alt="Rows left out, by reason")
    for sentence in sentences(report):
        st.caption(plain(sentence))


def sentences(report: Mapping[str, Any]) -> list[str]:
    """What the counts do not say: which repeat was kept, how times were read, and the reader's notes."""
    said = []
    if report["merged"]:
        kept = report.get("kept_row") or ("latest" if report["time"] else "first")
        said.append(
            f"Merged: {plural(report['exact_duplicates'], 'exact duplicate')} and "
            f"{plural(report['repeats'], 'repeat')} of a pair, at most {report['most_repeated']:,} rows of one; "
            f"the {kept} is kept."
        )
    if report["time"]:
        time = report["time"]
        said.append(f"Times, {time['format']}: {time['first']} to {time['last']} (UTC).")
    said += [f"{note[:1].upper()}{note[1:]}." for note in report["notes"]]
    return said


def _lines(dropped: Mapping[str, Any]) -> str:
    first = ", ".join(str(line) for line in dropped["first_lines"])
    more = ", …" if dropped["count"] > len(dropped["first_lines"]) else ""
    return first + more + (f" of {dropped['file']}" if dropped.get("file") else "")
