"""Whom the runs serve: their hits by how active users are, and by how popular items."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from app import plots, state
from app.panels.compare import address as compare_address
from app.panels.compare import results as compare_results
from app.panels.compare.metrics_table import cutoffs
from app.wording import plain, sentence, terms
from convncf import figures
from convncf.comparison import Comparison
from convncf.errors import ConvNCFError
from convncf.figures.bands import READ_BANDS
from convncf.figures.theme import RunStyle
from convncf.runs import Run
from convncf.served import Served


def show(runs: Sequence[Run], found: Comparison, styles: Mapping[str, RunStyle], order: Sequence[str]) -> None:
    """Two figures at the cut-off chosen above; runs that were not measured alike have none."""
    ks = cutoffs(found)
    if found.unlike:
        st.caption("These runs were not measured alike, so their bands are not the same users and items.")
        return
    if not ks:
        st.caption("These runs were evaluated on no test part.")
        return
    k = int(compare_address.value("cutoff", [str(each) for each in ks], str(ks[0])))
    st.subheader(f"HR@{k} by user activity", anchor=False, help=terms(f"HR@{k}"))
    _figure(
        lambda: compare_results.by_activity(runs, f"HR@{k}"), f"HR@{k}", "training items of the user", "users", order
    )
    st.subheader("Hits by item popularity", anchor=False)
    _figure(
        lambda: compare_results.by_popularity(runs, k),
        f"share within the top {k}",
        "training users of the held-out item",
        "held-out items",
        order,
    )
    st.caption(READ_BANDS)


def _figure(fetch: Callable[[], Served], metric: str, of: str, counted: str, order: Sequence[str]) -> None:
    try:
        served = fetch()
    except ConvNCFError as error:
        st.caption(plain(sentence(error)))
        return
    bands = served.bands
    drawn = figures.bands.by_band(
        bands.labels, bands.n.tolist(), bands.means, state.theme(), metric=metric, of=of, counted=counted, order=order
    )
    plots.show(drawn, key=f"compare:bands:{counted}")
    if served.left_out:
        st.caption(f"Left out: {served.left_out:,} {counted} that only some of the runs were judged on.")
