"""Self-contained HTML pages of figures and tables, such as that of a pair: they open offline and load nothing."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import plotly
import plotly.graph_objects as go

from convncf.figures import wording
from convncf.figures.channels import Scale, channel, effective_scale, feature_maps
from convncf.figures.maps import ORDERS, Order, interaction_map
from convncf.figures.score import score_terms
from convncf.figures.theme import CONFIG, DARK, FONT, LIGHT, Theme, alt, number

if TYPE_CHECKING:
    from convncf.inspection import PairTrace
    from convncf.interop.pair import PairRecord


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as text, under a heading for each column."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    chosen: int | None = None
    """The row that is shown bold, from 0."""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, paragraphs, and a figure that is drawn in the theme of the page; or a table, or a command line."""

    heading: str
    draw: Callable[[Theme], go.Figure] | None = None
    words: Sequence[str] = field(default=())
    """Paragraphs under the figure, as plain text."""
    table: Table | None = None
    """Shown above the paragraphs."""
    code: str = ""
    """A command line, above the paragraphs."""


PLOTLY: Final = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
"""Plotly's own script, for a page that draws figures itself and loads nothing from elsewhere."""


def page(title: str, sections: Sequence[Section], *, theme: Theme | None = None, lead: Sequence[str] = ()) -> str:
    """The page as a string: `title` and `lead` (paragraphs), then each section.

    Text is shown character for character. Without a `theme` the page follows the reader's system, light or dark, and
    changes with it; with one it stays in that.
    """
    themes = (LIGHT, DARK) if theme is None else (theme,)
    figures = [[] if section.draw is None else [section.draw(theme_) for theme_ in themes] for section in sections]
    bodies = [
        _section(number, section, by_theme)
        for number, (section, by_theme) in enumerate(zip(sections, figures, strict=True))
    ]
    return _PAGE.format(
        title=html.escape(title),
        scheme="light dark" if theme is None else theme.name,
        style=_style(theme),
        lead="".join(f"<p>{html.escape(text)}</p>" for text in lead),
        sections="".join(bodies),
        plotly=PLOTLY.read_text(encoding="utf-8").replace("</script", "<\\/script"),
        data=_json([_data(themes, by_theme) for by_theme in figures]),
        config=_json(CONFIG),
        policy=_POLICY,
    )


def _section(number: int, section: Section, figures: Sequence[go.Figure]) -> str:
    paragraphs = "".join(f"<p>{html.escape(text)}</p>" for text in section.words)
    heading = f"<h2>{html.escape(section.heading)}</h2>"
    body = _table(section.table) + (f"<pre>{html.escape(section.code)}</pre>" if section.code else "") + paragraphs
    if not figures:
        return f"<section>{heading}{body}</section>"
    label, height = html.escape(alt(figures[0])), figures[0].layout.height
    width = "" if figures[0].layout.width is None else f"max-width:{figures[0].layout.width}px;"
    return (
        f'<section>{heading}<div class="figure" id="figure-{number}" role="img" aria-label="{label}" '
        f'style="{width}height:{height}px"></div>'
        f"<noscript><p>{label}</p></noscript>{body}</section>"
    )


def _table(table: Table | None) -> str:
    if table is None:
        return ""
    head = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in table.headings)
    rows = []
    for place, row in enumerate(table.rows):
        mark = ' class="chosen"' if place == table.chosen else ""
        rows.append(f"<tr{mark}>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>")
    return f'<div class="table"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _data(themes: Sequence[Theme], figures: Sequence[go.Figure]) -> dict[str, Any] | None:
    """A section's figure as the page's script reads it: its natural width, and its JSON by theme without one."""
    if not figures:
        return None
    by_theme = {theme.name: json.loads(figure.to_json()) for theme, figure in zip(themes, figures, strict=True)}
    widths = [figure["layout"].pop("width", None) for figure in by_theme.values()]
    return {"width": widths[0], "by_theme": by_theme}


def _json(value: object) -> str:
    """JSON that cannot end the script element around it."""
    return json.dumps(value, allow_nan=False).replace("<", "\\u003c")


def _style(theme: Theme | None) -> str:
    chosen = LIGHT if theme is None else theme
    style = _STYLE.replace("FONT", FONT) + f":root{{{_variables(chosen)}}}"
    if theme is None:
        style += f"@media (prefers-color-scheme:dark){{:root{{{_variables(DARK)}}}}}"
    return style


def _variables(theme: Theme) -> str:
    return f"--paper:{theme.paper};--ink:{theme.ink};--muted:{theme.muted};--line:{theme.grid}"


_STYLE: Final = """
body{margin:0 auto;max-width:960px;padding:40px 24px 64px;background:var(--paper);color:var(--ink);
font:16px/1.5 FONT}
h1,h2,p{white-space:pre-wrap;overflow-wrap:anywhere}
h1{font-size:26px;line-height:1.25;font-weight:600;margin:0 0 8px}
h2{font-size:18px;line-height:1.35;font-weight:600;margin:40px 0 8px}
p{margin:8px 0;max-width:72ch;color:var(--muted)}
.table{max-height:420px;overflow:auto}
table{border-collapse:collapse}
th,td{padding:4px 16px 4px 0;text-align:left;vertical-align:top;white-space:pre-wrap;overflow-wrap:anywhere}
th{color:var(--muted);font-weight:400}
td{border-top:1px solid var(--line)}
.chosen{font-weight:600}
pre{margin:8px 0;white-space:pre-wrap;overflow-wrap:anywhere;font:14px/1.5 monospace}
"""
# Nothing from outside, which the browser enforces: only what is in the page itself.
_POLICY: Final = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:"
)
_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="{scheme}">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main><h1>{title}</h1>{lead}{sections}</main>
<script>{plotly}</script>
<script type="application/json" id="figures">{data}</script>
<script>
const figures = JSON.parse(document.getElementById("figures").textContent);
const config = {config};
config.modeBarButtonsToAdd = [{{
  name: "Download plot as an SVG", icon: Plotly.Icons.disk,
  click: place => Plotly.downloadImage(place, {{format: "svg", filename: place.id}}),
}}];
const dark = window.matchMedia("(prefers-color-scheme: dark)");
function draw() {{
  figures.forEach((figure, number) => {{
    if (!figure) return;
    const shown = figure.by_theme[dark.matches ? "dark" : "light"] || Object.values(figure.by_theme)[0];
    const place = document.getElementById("figure-" + number);
    const shrink = figure.width ? Math.min(1, place.clientWidth / figure.width) : 1;
    const height = Math.round(shown.layout.height * shrink);
    place.style.height = height + "px";
    Plotly.react(place, shown.data, {{...shown.layout, height}}, config);
  }});
}}
dark.addEventListener("change", draw);
window.addEventListener("resize", draw);
draw();
</script>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class Picture:
    """How the pair is shown; no number of it depends on this."""

    order: Order = "as trained"
    scale: Scale = "per channel"
    layer: int | None = None
    """The layer of the enlarged channel, from 0; None for none."""
    channel: int = 0
    cell: tuple[int, int] | None = None
    """(row, column) of the channel's map that is outlined."""
    reads: tuple[slice, slice] | None = None
    """Rows and columns of the interaction map in the cell's receptive field."""


def pair_page(
    record: PairRecord, trace: PairTrace | None, picture: Picture | None = None, *, theme: Theme | None = None
) -> str:
    """The page as a string; without a trace, of a model that has no embeddings, the sentences and the lists."""
    pictures = [] if trace is None else _pictures(trace, picture or Picture())
    place = f"Run {record.run}, epoch {record.epoch}"
    lead = [
        f"{place}: score {number(record.score, 5)}, {record.rank_words}; {record.excluded}.",
        record.model_words,
    ]
    sections = [*pictures, *_lists(record), Section("Command line", code=record.command)]
    return page(f"{record.title} for user {record.user_id}", sections, theme=theme, lead=lead)


def _lists(record: PairRecord) -> list[Section]:
    chosen = next((place for place, row in enumerate(record.top) if row[-1]), None)
    top = [
        [str(rank), "held out" if held_out else "", title, number(score)]
        for rank, title, score, held_out, _ in record.top
    ]
    note = "“Held out” marks items of the test part, which the model never trained on: they should rank high."
    return [
        Section(f"Top {len(top)}", table=Table(("Rank", "", "Item", "Score"), top, chosen), words=[note]),
        Section(f"History: {len(record.history):,}", table=Table(("Item", "Part", "When"), record.history)),
    ]


def _pictures(trace: PairTrace, picture: Picture) -> list[Section]:
    trained = picture.order == ORDERS[0]
    layers = range(len(trace.layers))
    draw = partial(interaction_map, trace, order=picture.order, field=picture.reads if trained else None)
    how_to_read = wording.READ_INTERACTION_MAP if layers else wording.READ_INTERACTION_MAP_FACTORISATION
    caveat = wording.DIMENSIONS_HAVE_NO_ORDER if trained else wording.ORDER_IS_FOR_DISPLAY
    terms = wording.READ_SCORE_TERMS if layers else wording.READ_SCORE_TERMS_FACTORISATION
    return [
        Section("Interaction map", draw, [how_to_read, caveat]),
        Section("The score as a sum", partial(score_terms, trace), [terms]),
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
    paragraphs = [wording.READ_CHANNEL]
    if picture.cell is not None:
        row, column = picture.cell
        value = number(float(layer.maps[picture.channel][picture.cell]))
        framed = "; the frame on the interaction map is its receptive field" if picture.order == ORDERS[0] else ""
        paragraphs.insert(0, f"The cell in row {row}, column {column} is {value}{framed}.")
    draw = partial(channel, layer, picture.channel, cell=picture.cell)
    return [Section(f"Channel {picture.channel} of {layer.name}", draw, paragraphs)]
