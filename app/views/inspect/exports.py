"""Exports of a pair: the view as one page, its arrays, and the run's embeddings; each is made when it is asked for."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Final

import streamlit as st

from app.ui import address, pair
from app.ui.cache import Model
from app.ui.pair import EXPORTS, Pair
from app.ui.text import plain
from convncf import inspection
from convncf.figures.channels import SCALES
from convncf.figures.export import Picture, pair_page
from convncf.figures.maps import ORDERS
from convncf.inspection import PairTrace, PairView
from convncf.interop.embeddings import projector_files, zipped
from convncf.interop.pair import arrays_of, csv_zip, npz, pair_record

_FILE_NAME: Final = 60
"""Letters of a file's name at most, its ending aside."""


@st.fragment(key=EXPORTS)
@pair.in_words
def show(looked_at: Pair) -> None:
    """A button a kind, once it is opened; the server makes the file when one is pressed."""
    box = st.expander("Take it along", key="exports:open", on_change="rerun")
    if not box.open:
        return
    model, view = looked_at.model(), looked_at.view()
    trace = view.trace if isinstance(view.trace, PairTrace) else None
    of_pair = _file_name(looked_at.run, looked_at.user, looked_at.item)
    of_run, of_config = _file_name(looked_at.run, "embeddings"), _file_name(looked_at.run, "config")
    with box:
        with st.container(horizontal=True):
            page = partial(_page, model, view, _picture(trace))
            _button("This view as a page", page, f"{of_pair}.html", "text/html")
            if trace is not None:
                _button("Arrays as NPZ", partial(_npz, model, view, trace), f"{of_pair}.npz")
                _button("Arrays as CSV", partial(_csv, model, view, trace), f"{of_pair}.zip", "application/zip")
                _button("Embeddings for the projector", partial(_projector, model), f"{of_run}.zip", "application/zip")
            _button("Configuration", partial(_configuration, model), f"{of_config}.json", "application/json")
        st.caption(
            "The page holds the lists, the maps and the sum as they are drawn now, without what is open under Look "
            "closer, and opens without a network. "
            "A single figure is saved by the camera in its own bar, which appears when the pointer is on it."
        )
        if trace is not None:
            listed = ", ".join(f"{name} ({_shape(array.shape)})" for name, array in arrays_of(trace).items())
            st.caption(f"Arrays, float32: {plain(listed)}. contributions and bias add up to the score.")
            st.caption(
                "Embeddings of all users and items with their ids and titles: two pairs of vectors.tsv and "
                "metadata.tsv, as TensorBoard's projector reads them."
            )
            st.code(f"convncf export {looked_at.run} --projector FOLDER", language=None, wrap_lines=True)


def _button(label: str, make: Callable[[], bytes], file: str, mime: str = "application/octet-stream") -> None:
    st.download_button(label, make, file, mime, key=f"export:{label}", on_click="ignore")


def _picture(trace: PairTrace | None) -> Picture:
    """What is chosen on the page."""
    order, scale = address.asked("order"), address.asked("scale")
    picture = Picture(
        order=order if order in ORDERS else ORDERS[0],
        scale=scale if scale in SCALES else SCALES[0],
    )
    if trace is None or not trace.layers:
        return picture
    at = pair.focus(trace)
    reads = inspection.receptive_field(trace.layers, at.layer, *at.cell)
    return Picture(picture.order, picture.scale, at.layer, at.channel, at.cell, reads)


def _page(model: Model, view: PairView, picture: Picture) -> bytes:
    trace = view.trace if isinstance(view.trace, PairTrace) else None
    return pair_page(pair_record(model.loaded, view), trace, picture).encode("utf-8", "backslashreplace")


def _npz(model: Model, view: PairView, trace: PairTrace) -> bytes:
    return npz(trace, pair_record(model.loaded, view).about())


def _csv(model: Model, view: PairView, trace: PairTrace) -> bytes:
    return csv_zip(trace, pair_record(model.loaded, view).about())


def _projector(model: Model) -> bytes:
    loaded = model.loaded
    return zipped(projector_files(loaded.model, loaded.split, loaded.dataset.items).files)


def _configuration(model: Model) -> bytes:
    """Every setting of the run, with where it came from, as `convncf train --config` takes it."""
    return (model.loaded.run.path / "config.json").read_bytes()


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "one number"


def _file_name(*parts: str) -> str:
    """A name that every system takes, whatever stands in an id."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join(parts))[:_FILE_NAME].strip(".-") or "pair"
