"""Look inside a trained model: every array of one forward pass, as plain numpy."""

from convncf.inspection.alignment import Alignment, Embeddings, align, embeddings
from convncf.inspection.attribution import Attribution, gradient_times_input, integrated_gradients
from convncf.inspection.cells import (
    CellArithmetic,
    ChannelStats,
    cell_arithmetic,
    channel_stats,
    receptive_field,
    strongest_cell,
    strongest_channel,
)
from convncf.inspection.counterfactual import Block, Edit, RankWhatIf, WhatIf, edit_pair, rank_edit
from convncf.inspection.over_training import Moment, OverTraining, PairAt, Unreadable, each_moment, follow_pair, view_at
from convncf.inspection.pair import History, PairView, Standing, first_pair, history, recommend, standing, view_pair
from convncf.inspection.responses import (
    AmongPairs,
    Responses,
    Strongest,
    random_pairs,
    respond,
    stand_among,
    strongest_pairs,
)
from convncf.inspection.trace import LayerTrace, NoTrace, PairTrace, trace_pair

__all__ = [
    "Alignment",
    "AmongPairs",
    "Attribution",
    "Block",
    "CellArithmetic",
    "ChannelStats",
    "Edit",
    "Embeddings",
    "History",
    "LayerTrace",
    "Moment",
    "NoTrace",
    "OverTraining",
    "PairAt",
    "PairTrace",
    "PairView",
    "RankWhatIf",
    "Responses",
    "Standing",
    "Strongest",
    "Unreadable",
    "WhatIf",
    "align",
    "cell_arithmetic",
    "channel_stats",
    "each_moment",
    "edit_pair",
    "embeddings",
    "first_pair",
    "follow_pair",
    "gradient_times_input",
    "history",
    "integrated_gradients",
    "random_pairs",
    "rank_edit",
    "receptive_field",
    "recommend",
    "respond",
    "stand_among",
    "standing",
    "strongest_cell",
    "strongest_channel",
    "strongest_pairs",
    "trace_pair",
    "view_at",
    "view_pair",
]
