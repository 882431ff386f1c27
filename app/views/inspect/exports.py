"""Exports of a pair: the view as one page, its arrays, and the run's embeddings; each is made when it is requested."""

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
"""Most characters of a file's name, without its suffix."""


@st.fragment(key=EXPORTS)
@pair.report_errors
def show(shown: Pair) -> None:
    """One button per file, once opened; the server makes the file when its button is pressed."""
    box = st.expander("Download", key="exports:open", on_change="rerun")
    if not box.open:
        return
    model, view = shown.model(), shown.view()
    trace = view.trace if isinstance(view.trace, PairTrace) else None
    pair_name = _file_name(shown.run, shown.user, shown.item)
    embeddings_name, config_name = _file_name(shown.run, "embeddings"), _file_name(shown.run, "config")
    with box:
        with st.container(horizontal=True):
            page = partial(_page, model, view, _picture(trace))
            _button("This view as a page", page, f"{pair_name}.html", "text/html")
            if trace is not None:
                _button("Arrays as NPZ", partial(_npz, model, view, trace), f"{pair_name}.npz")
                _button("Arrays as CSV", partial(_csv, model, view, trace), f"{pair_name}.zip", "application/zip")
                _button(
                    "Embeddings for the projector",
                    partial(_projector, model),
                    f"{embeddings_name}.zip",
                    "application/zip",
                )
            _button("Configuration", partial(_configuration, model), f"{config_name}.json", "application/json")
        st.caption(
            "The page holds the lists, the maps and the sum as they are drawn now, without what is open under Look "
            "closer, and opens without an internet connection. "
            "A single figure is saved by the camera in its own bar, which appears when the pointer is on it."
        )
        if trace is not None:
            arrays = ", ".join(f"{name} ({_shape(array.shape)})" for name, array in arrays_of(trace).items())
            st.caption(f"Arrays, float32: {plain(arrays)}. contributions and bias sum to the score.")
            st.caption(
                "Embeddings of all users and items with their ids and titles: two pairs of vectors.tsv and "
                "metadata.tsv, as TensorBoard's projector reads them."
            )
            st.code(f"convncf export {shown.run} --projector FOLDER", language=None, wrap_lines=True)


def _button(label: str, make: Callable[[], bytes], file: str, mime: str = "application/octet-stream") -> None:
    st.download_button(label, make, file, mime, key=f"export:{label}", on_click="ignore")


def _picture(trace: PairTrace | None) -> Picture:
    """The choices on the page, for the export."""
    order, scale = address.value("order"), address.value("scale")
    picture = Picture(
        order=order if order in ORDERS else ORDERS[0],
        scale=scale if scale in SCALES else SCALES[0],
    )
    if trace is None or not trace.layers:
        return picture
    focus = pair.focus(trace)
    field = inspection.receptive_field(trace.layers, focus.layer, *focus.cell)
    return Picture(picture.order, picture.scale, focus.layer, focus.channel, focus.cell, field)


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
    """A file name that is valid on every system, whatever an id contains."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join(parts))[:_FILE_NAME].strip(".-") or "pair"
