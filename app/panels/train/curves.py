"""The curves of one run while it learns: over epochs, steps or time, smooth over a ghost of the measured line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import streamlit as st

from app import plots, state, wording
from app.panels.glance import Glance, records
from app.wording import plain, terms
from convncf import figures
from convncf.figures import smoothing

_ALONG: Final[Mapping[str, str]] = {"epoch": "epoch", "step": "step", "time": "time"}
_SMOOTH: Final[Mapping[str, str]] = {"0": "as it is", "0.6": "a little", "0.9": "much"}
_GHOST: Final = "The faint line is what was measured; the smooth one is a running mean of it."


def show(seen: Glance, colour: str) -> None:
    """Loss and validation in the run's colour, or why there is none."""
    rows = records(seen.run)
    if not rows:
        if seen.active:
            st.caption("Curves appear here after the first epoch.")
        return
    if seen.finished and not any(figures.learning.points(rows, name) for name in ("loss", seen.monitor)):
        st.caption(wording.NO_EPOCH)
        return
    with st.container(horizontal=True):
        along = _pick("Curves over", "along", _ALONG)
        weight = float(_pick("Smooth", "smooth", _SMOOTH))
    by: figures.learning.Abscissa = "time" if along == "time" else "step" if along == "step" else "epoch"
    loss, validation = st.columns(2, gap="large")
    with loss:
        st.subheader("Loss", anchor=False, help=figures.wording.READ_LOSS)
        _draw(seen, "loss", by, weight, "loss", colour)
    if figures.learning.unvalidated(rows):
        if seen.active:
            validation.caption(wording.NO_VALIDATION)
        return
    with validation:
        help = f"{figures.wording.READ_VALIDATION}\n\n{terms(seen.monitor)}"
        st.subheader(f"{seen.monitor} on {seen.judged_on}", anchor=False, help=help)
        _draw(seen, seen.monitor, by, weight, "validation", colour)
    if seen.judged_on == "test":
        st.caption("This run chooses its epoch on the test part, as the 2018 code does: its test figures are too good.")
    if weight:
        st.caption(_GHOST)


def _draw(seen: Glance, metric: str, by: figures.learning.Abscissa, weight: float, place: str, colour: str) -> None:
    config = seen.run.config()
    batches = {"pretraining": config.pretrain.batch_size, "training": config.train.batch_size}
    drawn = figures.learning.curves(records(seen.run), state.theme(), metric, by, batches=batches, colour=colour)
    plots.show(smoothing.smooth(drawn, weight), key=f"watch:{place}:{seen.name}")


def _pick(label: str, parameter: str, options: Mapping[str, str]) -> str:
    """A choice that stands in the address; the first option where it says nothing."""
    asked, first = state.chosen(parameter), next(iter(options))
    key = f"watch:{parameter}"
    st.session_state[key] = asked if asked in options else first
    picked = st.segmented_control(
        label,
        list(options),
        format_func=lambda option: options[option],
        key=key,
        required=True,
        on_change=lambda: state.choose(**{parameter: st.session_state[key]}),
    )
    if asked is not None and asked not in options:
        st.caption(plain(f"{label} {asked!r} is not offered; {options[first]} is shown instead."))
    return str(picked or first)
