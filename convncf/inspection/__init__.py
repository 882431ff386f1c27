"""Look inside a trained model: every array of one forward pass, as plain numpy."""

from convncf.inspection.cells import (
    CellArithmetic,
    ChannelStats,
    cell_arithmetic,
    channel_stats,
    receptive_field,
    strongest_cell,
    strongest_channel,
)
from convncf.inspection.first_look import first_pair
from convncf.inspection.pair import History, PairView, Standing, history, recommend, standing, view_pair
from convncf.inspection.trace import LayerTrace, NoTrace, PairTrace, trace_pair

__all__ = [
    "CellArithmetic",
    "ChannelStats",
    "History",
    "LayerTrace",
    "NoTrace",
    "PairTrace",
    "PairView",
    "Standing",
    "cell_arithmetic",
    "channel_stats",
    "first_pair",
    "history",
    "receptive_field",
    "recommend",
    "standing",
    "strongest_cell",
    "strongest_channel",
    "trace_pair",
    "view_pair",
]
