"""A layer's feature maps as tiles of one heatmap, one channel enlarged, the filters of layer 1.

Later layers have a square of weights for each pair of channels, too many to show.

Shapes: C channels, H = W side of a map, n columns of tiles. A tile is one unit wide whatever its number of cells, so
every layer has the same layout; between tiles lie gutters of NaN.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from convncf.errors import RefusedValueError
from convncf.figures.maps import colour_bar
from convncf.figures.theme import Theme, axis, axis_title, escape, layout, note, number, outline, plural

if TYPE_CHECKING:
    from convncf.inspection import LayerTrace

Scale = Literal["per channel", "shared"]
SCALES: Final[tuple[Scale, ...]] = ("per channel", "shared")
WIDTH: Final = 680
"""Width in pixels that the tiles are laid out for; in another they stay square."""
_GUTTER: Final = 0.12
"""Between two tiles of a row, in tiles."""
_SHELF: Final = 28
"""Above each row of tiles, where their numbers stand, in pixels: room for large type too."""
_LEGEND: Final = 34


def effective_scale(layer: LayerTrace, scale: Scale) -> Scale:
    """The scale that is drawn: maps of one cell share theirs, since each would be its own maximum."""
    return "shared" if layer.maps[0].size == 1 else scale


def largest(layer: LayerTrace) -> float:
    """The largest value of a layer by size; the larger of two, given as `zmax`, puts two layers on one scale."""
    return float(np.abs(layer.maps).max())


def usual_columns(layer: LayerTrace) -> int:
    """Tiles side by side: rather more rows of larger tiles than few of small ones."""
    channels = layer.shape[0]
    return 4 if channels <= 8 else 6 if channels <= 18 else 8


def range_words(layer: LayerTrace, scale: Scale, zmax: float | None = None) -> str:
    """The range of the colours, in words; printed in the figure."""
    tops = np.abs(layer.maps).max(axis=(1, 2))  # (C,)
    signed = layer.maps.min() < 0
    if not tops.any():
        return "every channel is zero for this pair"
    if zmax is not None:
        top = number(zmax)
        clipped = int((np.abs(layer.maps) > zmax * (1 + 1e-6)).sum())
        text = f"{f'−{top}' if signed else '0'} to {top} in all models; here to {number(largest(layer))}"
        return f"{text}, {plural(clipped, 'cell')} beyond it" if clipped else text
    if effective_scale(layer, scale) == "shared":
        top = number(float(tops.max()))
        return f"−{top} to {top}, one scale for all channels" if signed else f"0 to {top}, one scale for all channels"
    start = "zero in the middle, ±" if signed else "0 to "
    return f"{start}each tile's own maximum (largest {number(float(tops.max()))})"


def feature_maps(
    layer: LayerTrace,
    theme: Theme,
    scale: Scale = "per channel",
    *,
    selected: int | None = None,
    columns: int | None = None,
    selectable: bool = False,
    zmax: float | None = None,
    width: int = WIDTH,
) -> go.Figure:
    """All channels of a layer as tiles of one heatmap, numbered, with the selected one outlined.

    "per channel" divides each channel by its maximum (hover still shows the true value), "shared" draws all on one
    scale; with `zmax` that scale ends there, to share it with the same layer of another model. `selectable` lays an
    invisible marker over each tile, with the channel as its customdata, so that a page knows which tile was clicked;
    the hover then shows the channel's numbers.

    Raises ValueError for a `zmax` with a scale per channel, which has no one end.
    """
    if zmax is not None and scale != "shared":
        raise RefusedValueError(f"zmax ends the shared scale; with {scale!r} each channel ends at its own maximum.")
    channels, rows_of_cells, columns_of_cells = layer.maps.shape
    columns = min(usual_columns(layer) if columns is None else columns, channels)
    rows = math.ceil(channels / columns)
    shelf = _SHELF * columns / width  # in tiles
    tops = np.abs(layer.maps).max(axis=(1, 2), keepdims=True)  # (C, 1, 1)
    signed = bool(layer.maps.min() < 0)
    shared = effective_scale(layer, scale) == "shared"
    limit = ((largest(layer) if zmax is None else zmax) or 1.0) if shared else 1.0
    values = layer.maps if shared else np.divide(layer.maps, tops, out=np.zeros_like(layer.maps), where=tops > 0)
    heatmap = go.Heatmap(
        x=_edges(columns, columns_of_cells, _GUTTER),
        y=_edges(rows, rows_of_cells, shelf),
        z=_tile(values[..., None], rows, columns)[..., 0],
        zmin=-limit if signed else 0,
        zmax=limit,
        zmid=0 if signed else None,
        colorscale=theme.diverging if signed else theme.sequential,
        hoverongaps=False,
        **({"hoverinfo": "skip"} if selectable else _hover(layer, rows, columns)),
        colorbar=colour_bar(
            theme,
            orientation="h",
            lenmode="pixels",
            len=120,
            x=0,
            xanchor="left",
            y=1,
            yanchor="bottom",
            ypad=8,
            thickness=8,
            showticklabels=False,
            ticks="",
        ),
    )
    corners = [_corner(index, columns, shelf) for index in range(channels)]
    targets = [_click_targets(layer, corners, width / columns)] if selectable else []
    silent = int((tops == 0).sum())
    alt = (
        f"Feature maps of {layer.name}: {channels} channels of {rows_of_cells} by {columns_of_cells}; colours run over "
        f"{range_words(layer, scale, zmax)}; {silent} of {channels} channels are zero for this pair."
    )
    span_x, span_y = columns + (columns - 1) * _GUTTER, rows + rows * shelf
    pad = 0.03  # so that the outline of a tile at the edge is not cut
    looks = layout(
        theme,
        width=width,
        height=round((width - 8) * (span_y + 2 * pad) / (span_x + 2 * pad)) + _LEGEND + 4,
        alt=alt,
        revision=f"{layer.name} {layer.maps.shape}",
        margin={"l": 4, "r": 4, "t": _LEGEND, "b": 4},
        hovermode="closest",
        xaxis=axis(theme, range=[-pad, span_x + pad], showticklabels=False, constrain="domain", constraintoward="left"),
        yaxis=axis(
            theme,
            range=[span_y - shelf + pad, -shelf - pad],
            showticklabels=False,
            scaleanchor="x",
            constrain="domain",
            constraintoward="top",
        ),
        annotations=[_range_label(theme, range_words(layer, scale, zmax))],
        shapes=[] if selected is None else _frame(theme, *corners[selected]),
    )
    return go.Figure([heatmap, _numbers(layer, corners, theme, selected), *targets], layout=looks)


def channel(
    layer: LayerTrace, channel: int, theme: Theme, *, cell: tuple[int, int] | None = None, zmax: float | None = None
) -> go.Figure:
    """One channel's map enlarged, from 0 to its own maximum or to `zmax`; `cell` (row, column) is outlined."""
    values = layer.maps[channel]  # (H, W)
    height, width = values.shape
    limit = (float(np.abs(values).max()) if zmax is None else zmax) or 1.0
    signed = bool(values.min() < 0)
    heatmap = go.Heatmap(
        z=values,
        zmin=-limit if signed else 0,
        zmax=limit,
        zmid=0 if signed else None,
        colorscale=theme.diverging if signed else theme.sequential,
        xgap=1 if width <= 32 else 0,
        ygap=1 if height <= 32 else 0,
        hovertemplate="row %{y}, column %{x}<br><b>%{z:.4g}</b><extra></extra>",
        colorbar=colour_bar(theme, len=1),
    )
    row, col = np.unravel_index(int(values.argmax()), values.shape)
    alt = (
        f"Channel {channel} of {layer.name}, {height} by {width}: from {number(float(values.min()))} to "
        f"{number(float(values.max()))}, largest at row {row}, column {col}; "
        f"{(values == 0).mean():.0%} of the cells are zero."
    )
    ticks = {"tickmode": "linear", "tick0": 0, "dtick": max(1, math.ceil(width / 4))}
    looks = layout(
        theme,
        width=370,
        height=320,
        alt=alt,
        revision=f"{layer.name} {layer.maps.shape}",
        margin={"l": 40, "r": 56, "t": 6, "b": 40},
        xaxis=axis(
            theme,
            range=[-0.5, width - 0.5],
            constrain="domain",
            constraintoward="left",
            title=axis_title(theme, "column"),
            **ticks,
        ),
        yaxis=axis(
            theme,
            range=[height - 0.5, -0.5],
            scaleanchor="x",
            constrain="domain",
            constraintoward="top",
            title=axis_title(theme, "row"),
            **ticks,
        ),
        shapes=[] if cell is None else outline(theme, _around(cell[1]), _around(cell[0])),
    )
    return go.Figure(heatmap, layout=looks)


def _edges(tiles: int, cells: int, gutter: float) -> npt.NDArray[np.float32]:
    """Where cells and gutters begin, and the last one ends: (tiles · (cells + 1),)."""
    within = np.arange(cells + 1) / cells  # 0 … 1: the end of a tile is the start of its gutter
    starts = np.arange(tiles) * (1 + gutter)
    return (starts[:, None] + within).ravel().astype(np.float32)


def _tile(maps: npt.NDArray[np.float32], rows: int, columns: int) -> npt.NDArray[np.float32]:
    """(C, H, W, n) side by side with one NaN gutter between: (rows · (H + 1) - 1, columns · (W + 1) - 1, n)."""
    channels, height, width, depth = maps.shape
    tiles = np.full((rows * columns, height + 1, width + 1, depth), np.nan, dtype=np.float32)
    tiles[:channels, :height, :width] = maps
    grid = tiles.reshape(rows, columns, height + 1, width + 1, depth).swapaxes(1, 2)
    return np.ascontiguousarray(grid.reshape(rows * (height + 1), columns * (width + 1), depth)[:-1, :-1])


def _corner(index: int, columns: int, shelf: float) -> tuple[float, float]:
    row, column = divmod(index, columns)
    return column * (1 + _GUTTER), row * (1 + shelf)


def _click_targets(layer: LayerTrace, corners: list[tuple[float, float]], tile: float) -> go.Scatter:
    flat = layer.maps.reshape(len(layer.maps), -1)  # (C, H·W)
    numbers = np.stack([flat.max(axis=1), flat.mean(axis=1), (flat == 0).mean(axis=1)], axis=-1).astype(np.float32)
    return go.Scatter(
        x=[x + 0.5 for x, _ in corners],
        y=[y + 0.5 for _, y in corners],
        mode="markers",
        marker={"symbol": "square", "size": round(tile / (1 + _GUTTER)), "opacity": 0.01},
        customdata=list(range(len(corners))),
        text=[
            f"channel {index}<br>maximum {number(float(top))}<br>mean {number(float(mean))}<br>{zeros:.0%} zeros"
            for index, (top, mean, zeros) in enumerate(numbers)
        ],
        hovertemplate="%{text}<extra></extra>",
    )


def _hover(layer: LayerTrace, rows: int, columns: int) -> dict[str, Any]:
    """What each cell shows; four numbers a cell, which a page that covers the tiles need not be sent."""
    numbers = np.stack([*np.indices(layer.maps.shape), layer.maps], axis=-1).astype(np.float32)  # (C, H, W, 4)
    return {
        "customdata": _tile(numbers, rows, columns),
        "hovertemplate": (
            "channel %{customdata[0]:.0f}, row %{customdata[1]:.0f}, column %{customdata[2]:.0f}<br>"
            "<b>%{customdata[3]:.4g}</b><extra></extra>"
        ),
    }


def _label(index: int, values: npt.NDArray[np.float32]) -> str:
    """The channel's number; its value too where the map is one cell; "zero" where the map is zero for this pair."""
    if not values.any():
        return f"{index} zero"
    return f"{index}: {number(float(values[0, 0]))}" if values.size == 1 else str(index)


def _numbers(layer: LayerTrace, corners: list[tuple[float, float]], theme: Theme, selected: int | None) -> go.Scatter:
    """The text above each tile, as one trace: a browser draws it faster than a note a tile."""
    labels = [_label(index, layer.maps[index]) for index in range(len(corners))]
    return go.Scatter(
        x=[x for x, _ in corners],
        y=[y - _GUTTER / 2 for _, y in corners],  # above the frame of the selected one
        mode="text",
        text=[f"<b>{text}</b>" if index == selected else text for index, text in enumerate(labels)],
        textposition="top right",
        textfont={
            "size": 12,
            "color": [theme.accent if index == selected else theme.muted for index in range(len(labels))],
        },
        cliponaxis=False,
        hoverinfo="skip",
    )


def _range_label(theme: Theme, text: str) -> dict[str, Any]:
    return note(
        theme, text, xref="paper", yref="paper", x=0, y=1, xanchor="left", yanchor="bottom", xshift=128, yshift=3
    )


def _frame(theme: Theme, x: float, y: float) -> list[dict[str, Any]]:
    edge = _GUTTER / 4
    return outline(theme, (x - edge, x + 1 + edge), (y - edge, y + 1 + edge))


def _around(place: int) -> tuple[float, float]:
    return place - 0.5, place + 0.5


READ_FILTERS: Final = (
    "Each tile is what a channel of layer 1 multiplies a patch of the map with, cell by cell: warm weights are above "
    "0, blue below. All tiles share one scale."
)


def filters(first: LayerTrace, theme: Theme, *, selected: int | None = None, width: int = WIDTH) -> go.Figure:
    """W of each channel of layer 1, (C, 1, k, k), numbered, with the selected one outlined.

    Raises ValueError for the filters of a later layer.
    """
    channels, inputs, k, _ = first.filters.shape
    if inputs != 1:
        raise RefusedValueError(
            f"{first.name} reads {inputs} channels: only layer 1, which reads the map, has one square each."
        )
    weights = replace(first, maps=first.filters[:, 0])
    figure = feature_maps(weights, theme, "shared", selected=selected, width=width)
    silent = int((~weights.maps.any(axis=(1, 2))).sum())
    alt = (
        f"Filters of {first.name}: {channels} of {k} by {k} weights, {range_words(weights, 'shared')}; "
        f"{silent} of them are zero."
    )
    return figure.update_layout(meta={"alt": alt}, uirevision=f"filters {channels} {k}")


READ_STRIP: Final = (
    "Each dot is one random pair; their height only keeps them apart. The line is this pair: the further right, the "
    "higher the channel's activation for it, compared with random pairs."
)


def strip(
    values: npt.NDArray[np.floating[Any]],
    value: float,
    percentile: float,
    theme: Theme,
    *,
    what: str,
    reference: str = "random pair",
) -> go.Figure:
    """One value among N others: a dot each, and a line; `percentile` (0 to 100) is its place, `reference` names one."""
    dots_x = np.asarray(values, dtype=np.float32)
    place = (np.arange(dots_x.size) * 0.6180339887) % 1  # spread evenly, the same at each call
    dots = go.Scatter(
        x=dots_x,
        y=place.astype(np.float32),
        mode="markers",
        marker={"size": 5, "color": theme.muted, "opacity": 0.45},
        hovertemplate="%{x:.4g}<extra></extra>",
    )
    label = f"{number(value)}, percentile {number(percentile)} of {plural(dots_x.size, reference)}"
    low, high = min(value, float(dots_x.min())), max(value, float(dots_x.max()))
    room = 0.04 * ((high - low) or 1.0)
    late = value > (low + high) / 2
    looks = layout(
        theme,
        height=110,
        alt=f"{what}: {label}, which run from {number(float(dots_x.min()))} to {number(float(dots_x.max()))}.",
        revision=f"strip {what}",
        margin={"l": 16, "r": 16, "t": 22, "b": 40},
        xaxis=axis(theme, range=[low - room, high + room], nticks=6, title=axis_title(theme, escape(what))),
        yaxis=axis(theme, range=[-0.1, 1.1], showticklabels=False, fixedrange=True),
        shapes=[
            {
                "type": "line", "x0": value, "x1": value, "yref": "paper", "y0": 0, "y1": 1,
                "line": {"color": theme.accent, "width": 2},
            }
        ],
        annotations=[
            note(theme, label, colour=theme.accent, x=value, y=1, yref="paper", yanchor="bottom",
                 xanchor="right" if late else "left")
        ],
    )  # fmt: skip
    return go.Figure(dots, layout=looks)
