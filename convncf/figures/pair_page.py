"""The page of one pair: what Inspect shows of a user and an item, as one file that opens offline."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from convncf.figures import wording
from convncf.figures.channels import Scale, channel, effective_scale, feature_maps
from convncf.figures.export import Section, Table, page
from convncf.figures.network import ORDERS, Order, interaction_map
from convncf.figures.score import score_parts
from convncf.figures.theme import Theme, number

if TYPE_CHECKING:
    from convncf.inspection import PairTrace
    from convncf.interop.pair_record import PairRecord


@dataclass(frozen=True, slots=True)
class Picture:
    """How the pair is looked at; no number of it depends on this."""

    order: Order = "as trained"
    scale: Scale = "per channel"
    layer: int | None = None
    """The layer of the enlarged channel, from 0; None for none."""
    channel: int = 0
    cell: tuple[int, int] | None = None
    """(row, column) of the channel's map that is outlined."""
    reads: tuple[slice, slice] | None = None
    """Rows and columns of the interaction map that the cell has read."""


def pair_page(
    record: PairRecord, trace: PairTrace | None, picture: Picture | None = None, *, theme: Theme | None = None
) -> str:
    """The page as a string; without a trace, of a model that has no embeddings, its words and the lists."""
    pictures = [] if trace is None else _pictures(trace, picture or Picture())
    place = f"Run {record.run}, epoch {record.epoch}"
    lead = [
        f"{place}: score {number(record.score, 5)}, {record.rank_words}; {record.left_out}.",
        record.model_words,
    ]
    sections = [*pictures, *_lists(record), Section("The same in a terminal", code=record.command)]
    return page(f"{record.title} for user {record.user_id}", sections, theme=theme, lead=lead)


def _lists(record: PairRecord) -> list[Section]:
    chosen = next((place for place, row in enumerate(record.top) if row[-1]), None)
    top = [
        [str(rank), "held out" if held_out else "", title, number(score)]
        for rank, title, score, held_out, _ in record.top
    ]
    about = "“Held out” marks items of the test part, which the model never trained on: they should rank high."
    return [
        Section(f"Top {len(top)}", table=Table(("Rank", "", "Item", "Score"), top, chosen), words=[about]),
        Section(f"History: {len(record.history):,}", table=Table(("Item", "Part", "When"), record.history)),
    ]


def _pictures(trace: PairTrace, picture: Picture) -> list[Section]:
    trained = picture.order == ORDERS[0]
    layers = range(len(trace.layers))
    drawn = partial(interaction_map, trace, order=picture.order, field=picture.reads if trained else None)
    read = wording.READ_INTERACTION_MAP if layers else wording.READ_INTERACTION_MAP_FACTORISATION
    caveat = wording.DIMENSIONS_HAVE_NO_ORDER if trained else wording.ORDER_IS_FOR_DISPLAY
    parts = wording.READ_SCORE_PARTS if layers else wording.READ_SCORE_PARTS_FACTORISATION
    return [
        Section("Interaction map", drawn, [read, caveat]),
        Section("The score as a sum", partial(score_parts, trace), [parts]),
        *(_layer(trace, place, picture) for place in layers),
        *_enlarged(trace, picture),
    ]


def _layer(trace: PairTrace, place: int, picture: Picture) -> Section:
    layer = trace.layers[place]
    shared = effective_scale(layer, picture.scale) == "shared"
    selected = picture.channel if place == picture.layer else None
    return Section(
        f"Feature maps of {layer.name}: {' × '.join(map(str, layer.shape))}",
        partial(feature_maps, layer, scale=picture.scale, selected=selected),
        [wording.READ_FEATURE_MAPS, wording.SCALE_SHARED if shared else wording.SCALE_PER_CHANNEL],
    )


def _enlarged(trace: PairTrace, picture: Picture) -> list[Section]:
    if picture.layer is None or not trace.layers:
        return []
    layer = trace.layers[picture.layer]
    words = [wording.READ_CHANNEL]
    if picture.cell is not None:
        row, column = picture.cell
        value = number(float(layer.maps[picture.channel][picture.cell]))
        framed = (
            "; the frame on the interaction map is the patch that it has read" if picture.order == ORDERS[0] else ""
        )
        words.insert(0, f"The cell in row {row}, column {column} is {value}{framed}.")
    drawn = partial(channel, layer, picture.channel, cell=picture.cell)
    return [Section(f"Channel {picture.channel} of {layer.name}", drawn, words)]
