"""Metrics over seeds, and by user group."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd
import streamlit as st

from app.ui import address, plots
from app.ui.text import plain, sentence, terms
from app.views.compare import choice, results
from app.views.compare.metrics import Leaving, cutoffs, offer
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
    "None of these runs was trained with another seed, so nobody knows how much of a difference is luck of training. "
    "Train one with several seeds: convncf train … --seeds 1,2,3, or Seeds on the Train page."
)
COLUMNS = ("Group of", "Metric", "Mean", "SD", "n", "95% low", "95% high")


def show_seeds(runs: Sequence[Run], found: Comparison, _: Mapping[str, RunStyle], __: Sequence[str]) -> None:
    """A row a group and metric, at the cut-off chosen above; whoever does not count is named."""
    groups: dict[tuple[str, ...], SeedGroup] = {}  # each once, by the runs that it counts
    members: dict[tuple[str, ...], list[str]] = {}
    alone = []
    for run in runs:
        group = results.seed_group(run)
        if group is None or len(group.seeds) + len(group.excluded) < 2:
            alone.append(run.name)
        else:
            groups[group.runs] = group
            members.setdefault(group.runs, []).append(run.name)
    named = {", ".join(members[counted]): group for counted, group in groups.items()}
    if not named:
        st.caption(plain(NO_SEEDS))
        return
    ks = cutoffs(found)
    k = choice.cutoff(ks) if ks else None
    shown, exact = rows(named, k)
    frame = pd.DataFrame(shown, columns=list(COLUMNS)).astype("string")
    st.table(frame.set_index("Group of"), border="horizontal", width="content", alt="Metrics over seeds")
    offer(Leaving(COLUMNS, shown, exact, "Metrics over seeds", text_columns=2), "over-seeds")
    for name, group in named.items():
        st.caption(plain(_about(name, group)))
    if alone:
        st.caption(plain(f"Of no group, since no other seed has the same settings: {', '.join(alone)}."))
    if found.unlike:
        st.caption("Groups of runs that were not measured alike stand beside each other, and are not ranked.")


def rows(groups: Mapping[str, SeedGroup], k: int | None) -> tuple[list[list[str]], list[list[str]]]:
    """COLUMNS of each group and metric at K, as shown and with every digit."""
    shown: list[list[str]] = []
    exact: list[list[str]] = []
    for chosen, group in groups.items():
        for name, summary in group.metrics.items():
            if metrics.parse(name).k not in (k, None):
                continue
            values = (summary.mean, summary.sd, summary.low, summary.high)
            for kept, form in ((shown, "{:.4f}"), (exact, "{!r}")):
                mean, sd, low, high = ("–" if value is None else form.format(value) for value in values)
                kept.append([chosen, name, mean, sd, str(summary.n), low, high])
    return shown, exact


def _about(chosen: str, group: SeedGroup) -> str:
    """Which runs the group counts, what its intervals speak of, and which runs it does not count and why."""
    seeds = ", ".join(map(str, group.seeds))
    words = [f"Group of {chosen}: {', '.join(group.runs)} (seeds {seeds})." if seeds else f"Group of {chosen}."]
    if len(group.seeds) > 1:
        words.append(sentence(group.interval_words))
    words += [sentence(why) for why in group.unlike]
    if group.excluded:
        words.append("Not counted: " + ", ".join(f"{name} ({why})" for name, why in group.excluded.items()) + ".")
    return " ".join(words)


def show_user_groups(
    runs: Sequence[Run], found: Comparison, styles: Mapping[str, RunStyle], order: Sequence[str]
) -> None:
    """Two figures at the cut-off chosen above; runs that were not measured alike have none."""
    ks = cutoffs(found)
    if found.unlike:
        st.caption("These runs were not measured alike, so their bands are not the same users and items.")
        return
    if not ks:
        st.caption("These runs were evaluated on no test part.")
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
    drawn = figures.comparison.by_group(
        groups.labels,
        groups.n.tolist(),
        groups.means,
        address.theme(),
        metric=metric,
        grouped_by=of,
        unit=counted,
        order=order,
    )
    plots.show(drawn, key=f"compare:bands:{counted}")
    if by_group.excluded:
        st.caption(f"Left out: {by_group.excluded:,} {counted} that only some of the runs were judged on.")
