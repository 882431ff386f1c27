"""The page that convncf inspect --html writes: one pair's interaction map and every layer's feature maps, offline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convncf import runtime
from convncf.errors import ConfigError

if TYPE_CHECKING:
    from convncf.inspection import LayerTrace, PairView


def write_page(path: Path, found: Mapping[str, Any], view: PairView) -> None:
    """Write the page atomically. Raises ConfigError where plotly is not installed or the folder does not exist."""
    try:
        from convncf import figures
    except ModuleNotFoundError as error:
        if error.name != "plotly":
            raise
        raise ConfigError(
            "--html draws with plotly, which is not installed. In the folder that convncf was cloned into: "
            "pip install -e '.[app]'."
        ) from None
    from convncf.inspection import PairTrace

    if not path.parent.is_dir():
        raise ConfigError(f"--html {path}: the folder {path.parent} does not exist. Make it, or choose another.")
    title = f"{found['title']} for user {found['user_id']}"
    lead = [
        f"run {found['run']}, epoch {found['epoch']}: score {view.score:.4f}, {view.rank_words}; {view.left_out}",
        view.trace.words,
    ]
    sections: list[figures.Section] = []
    trace = view.trace
    if isinstance(trace, PairTrace):
        wording = figures.wording
        sections.append(
            figures.Section(
                "Interaction map",
                partial(figures.interaction_map, trace),
                [wording.READ_INTERACTION_MAP, wording.DIMENSIONS_HAVE_NO_ORDER],
            )
        )
        for layer in trace.layers:
            shape = " × ".join(map(str, layer.shape))
            sections.append(
                figures.Section(f"Feature maps of {layer.name}, {shape}", _maps(layer), [wording.READ_FEATURE_MAPS])
            )
        sections.append(
            figures.Section("The score as a sum", partial(figures.score_parts, trace), [wording.READ_SCORE_PARTS])
        )
    runtime.atomic_write(path, figures.page(title, sections, lead=lead).encode("utf-8", "backslashreplace"))


def _maps(layer: LayerTrace) -> Callable[[Any], Any]:
    from convncf import figures

    return partial(figures.feature_maps, layer)
