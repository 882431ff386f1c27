"""Metrics over seeds, and by user group."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd
import streamlit as st

from app.ui import address, plots
from app.ui.text import plain, sentence, terms
from app.views.compare import choice, results
from app.views.compare.metrics import ExportTable, cutoffs, offer
from convncf import figures
from convncf.errors import ConvNCFError
from convncf.evaluation import metrics
from convncf.evaluation.comparison import Comparison
from convncf.evaluation.seeds import SeedGroup
from convncf.evaluation.user_groups import MetricByGroup
from convncf.figures.comparison import READ_GROUPS
from convncf.figures.theme import RunStyle
from convncf.runs import Run

NO_SEEDS = (
    "None of these runs was trained with another seed, so it is unknown how much of a difference is due to the seed. "
    "Train one with several seeds: convncf train … --seeds 1,2,3, or Several seeds on the Train page."
)
COLUMNS = ("Group of", "Metric", "Mean", "SD", "n", "95% low", "95% high")


def show_seeds(runs: Sequence[Run], comparison: Comparison, _: Mapping[str, RunStyle], __: Sequence[str]) -> None:
    """One row per group and metric, at the cut-off chosen above; excluded runs are named."""
    groups: dict[tuple[str, ...], SeedGroup] = {}  # each once, by its runs
    members: dict[tuple[str, ...], list[str]] = {}
    single = []
    for run in runs:
        group = results.seed_group(run)
        if group is None or len(group.seeds) + len(group.excluded) < 2:
            single.append(run.name)
        else:
            groups[group.runs] = group
            members.setdefault(group.runs, []).append(run.name)
    by_name = {", ".join(members[run_names]): group for run_names, group in groups.items()}
    if not by_name:
        st.caption(plain(NO_SEEDS))
        return
    ks = cutoffs(comparison)
    k = choice.cutoff(ks) if ks else None
    table_rows, exact_rows = rows(by_name, k)
    frame = pd.DataFrame(table_rows, columns=list(COLUMNS)).astype("string")
    st.table(frame.set_index("Group of"), border="horizontal", width="content", alt="Metrics over seeds")
    offer(ExportTable(COLUMNS, table_rows, exact_rows, "Metrics over seeds", text_columns=2), "over-seeds")
    for name, group in by_name.items():
        st.caption(plain(_about(name, group)))
    if single:
        st.caption(plain(f"Without a group, since no other seed has the same settings: {', '.join(single)}."))
    if comparison.unlike:
        st.caption("Groups that are not comparable are shown beside each other, and not ranked.")


def rows(groups: Mapping[str, SeedGroup], k: int | None) -> tuple[list[list[str]], list[list[str]]]:
    """COLUMNS of each group and metric at K, as shown and with every digit."""
    shown: list[list[str]] = []
    exact: list[list[str]] = []
    for members, group in groups.items():
        for name, summary in group.metrics.items():
            if metrics.parse(name).k not in (k, None):
                continue
            values = (summary.mean, summary.sd, summary.low, summary.high)
            for target, format_text in ((shown, "{:.4f}"), (exact, "{!r}")):
                mean, sd, low, high = ("–" if value is None else format_text.format(value) for value in values)
                target.append([members, name, mean, sd, str(summary.n), low, high])
    return shown, exact


def _about(members: str, group: SeedGroup) -> str:
    """The runs of the group, what its intervals cover, and which runs are excluded and why."""
    seeds = ", ".join(map(str, group.seeds))
    sentences = [f"Group of {members}: {', '.join(group.runs)} (seeds {seeds})." if seeds else f"Group of {members}."]
    if len(group.seeds) > 1:
        sentences.append(sentence(group.interval_words))
    sentences += [sentence(reason) for reason in group.unlike]
    if group.excluded:
        sentences.append(
            "Excluded: " + ", ".join(f"{name} ({reason})" for name, reason in group.excluded.items()) + "."
        )
    return " ".join(sentences)


def show_user_groups(
    runs: Sequence[Run], comparison: Comparison, styles: Mapping[str, RunStyle], order: Sequence[str]
) -> None:
    """Two figures at the cut-off chosen above; runs that are not comparable have none."""
    ks = cutoffs(comparison)
    if comparison.unlike:
        st.caption("These runs are not comparable: their groups are not of the same users and items.")
        return
    if not ks:
        st.caption("These runs were not evaluated on a test part.")
        return
    k = choice.cutoff(ks)
    st.subheader(f"HR@{k} by user activity", anchor=False, help=terms(f"HR@{k}"))
    _figure(lambda: results.by_activity(runs, f"HR@{k}"), f"HR@{k}", "training items of the user", "users", order)
    st.subheader("Hits by item popularity", anchor=False)
    _figure(
        lambda: results.by_popularity(runs, k),
        f"share within the top {k}",
        "training users of the held-out item",
        "held-out items",
        order,
    )
    st.caption(READ_GROUPS)


def _figure(fetch: Callable[[], MetricByGroup], metric: str, of: str, counted: str, order: Sequence[str]) -> None:
    try:
        by_group = fetch()
    except ConvNCFError as error:
        st.caption(plain(sentence(error)))
        return
    groups = by_group.groups
    figure = figures.comparison.by_group(
        groups.labels,
        groups.n.tolist(),
        groups.means,
        address.theme(),
        metric=metric,
        grouped_by=of,
        unit=counted,
        order=order,
    )
    plots.show(figure, key=f"compare:bands:{counted}")
    if by_group.excluded:
        st.caption(f"Excluded: {by_group.excluded:,} {counted} that only some of the runs were evaluated on.")
