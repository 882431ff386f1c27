"""Every figure, as a function of numbers and a theme that returns a plotly figure; it needs no page and no model."""

from convncf.figures import (
    change,
    comparison,
    dataset,
    embeddings,
    export,
    learning,
    lists,
    maps,
    score,
    wording,
)
from convncf.figures.channels import channel, feature_maps, range_words
from convncf.figures.export import Section, page
from convncf.figures.maps import interaction_map
from convncf.figures.score import score_terms
from convncf.figures.theme import CONFIG, DARK, LIGHT, Theme, alt, escape, run_colour

__all__ = [
    "CONFIG",
    "DARK",
    "LIGHT",
    "Section",
    "Theme",
    "alt",
    "change",
    "channel",
    "comparison",
    "dataset",
    "embeddings",
    "escape",
    "export",
    "feature_maps",
    "interaction_map",
    "learning",
    "lists",
    "maps",
    "page",
    "range_words",
    "run_colour",
    "score",
    "score_terms",
    "wording",
]
