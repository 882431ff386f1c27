"""The plot of docs/speed.md: how many times RecBole's speed, as an SVG that reads in light and dark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from xml.sax.saxutils import escape

LABELS: Final = {
    "ranking_fp32": "full ranking, fp32",
    "ranking_bf16": "full ranking, bf16",
    "training_fp32": "training, fp32",
    "training_bf16": "training, bf16",
}
_WIDTH, _LEFT, _ROW, _TOP = 720, 170, 38, 56
_STYLE: Final = """
  text { font: 14px system-ui, sans-serif; fill: #1f2328 }
  .quiet { fill: #59636e; font-size: 12px }
  .bar { fill: #0b6e99 }
  .theirs { stroke: #59636e; stroke-dasharray: 3 3 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .quiet { fill: #9198a1 } .bar { fill: #4fb3d9 } .theirs { stroke: #9198a1 }
  }
"""


def ratios(values: Mapping[str, float | None], title: str) -> str:
    """One bar a ratio, from zero; the dashed line is RecBole. A missing ratio is marked as not measured."""
    measured = [value for key in LABELS if (value := values.get(key)) is not None]
    scale = (_WIDTH - _LEFT - 90) / max([1.0, *measured])
    bottom = _TOP + _ROW * len(LABELS)
    rows = [text(0, 20, title), text(0, 40, "times RecBole's speed; the dashed line is RecBole", "quiet")]
    for place, (key, label) in enumerate(LABELS.items()):
        y, value = _TOP + place * _ROW, values.get(key)
        rows.append(text(0, y + 20, label))
        if value is None:
            rows.append(text(_LEFT + 8, y + 20, "not measured", "quiet"))
            continue
        rows.append(f'<rect class="bar" x="{_LEFT}" y="{y + 4}" width="{value * scale:.1f}" height="24" rx="2"/>')
        rows.append(text(_LEFT + value * scale + 8, y + 20, f"{value:.1f}×"))
    line = _LEFT + scale
    rows.append(f'<line class="theirs" x1="{line:.1f}" x2="{line:.1f}" y1="{_TOP}" y2="{bottom}"/>')
    description = "; ".join(f"{label} {_described(values.get(key))}" for key, label in LABELS.items())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-12 -4 {_WIDTH + 24} {bottom + 16}" role="img">\n'
        f"<title>{escape(title)}: {escape(description)}</title>\n<style>{_STYLE}</style>\n"
        + "\n".join(rows)
        + "\n</svg>\n"
    )


def text(x: float, y: float, content: str, kind: str = "") -> str:
    """A line of text, with its characters escaped."""
    attribute = f' class="{kind}"' if kind else ""
    return f'<text{attribute} x="{x:.1f}" y="{y}">{escape(content)}</text>'


def _described(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.1f} times RecBole's speed"
