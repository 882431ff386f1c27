"""The text beside the figures: how to read each, and what it does not say.

Plain text for a newcomer; it is escaped where it is shown.
"""

from typing import Final

NO_ORDER: Final = "The order of dimensions is arbitrary: read patterns, not places."
"""Shown beside every interaction map."""

DIMENSIONS_HAVE_NO_ORDER: Final = (
    f"{NO_ORDER} Matrix factorisation trained with BPR fits just "
    "as well after any rotation of its embeddings, and permuting the dimensions and fitting again costs nothing "
    "(Ferrari Dacrema et al., CIKM 2020)."
)
"""The same with its reason, beside the first map of a page."""

ORDER_IS_FOR_DISPLAY: Final = "Sorted for display only: the network saw the dimensions in the trained order."
"""Shown beside a map whose order is not the trained one."""

READ_INTERACTION_MAP: Final = (
    "Each cell is one dimension of the user times one of the item: warm where both have the same sign, blue where the "
    "signs differ, faint where either is near zero. The bars along the edges are the two embeddings."
)
READ_INTERACTION_MAP_FACTORISATION: Final = (
    "Each cell is one dimension of the user times one of the item. This model reads the diagonal alone: its sum is the "
    "score."
)
READ_FEATURE_MAPS: Final = (
    "Each tile is the output of one channel of the layer: bright where its filter matches the map below, darkest "
    "where ReLU set it to 0."
)
SCALE_PER_CHANNEL: Final = (
    "Each tile runs from 0 to its own maximum, so a weak channel looks as bright as a strong one; hover for the value."
)
SCALE_SHARED: Final = "All tiles share one scale, so brightness can be compared from channel to channel."
READ_CHANNEL: Final = "One cell summarises a square patch of the interaction map: its receptive field."
READ_SCORE_TERMS: Final = (
    "The score is a plain sum: each bar is a channel's final feature times its weight. Bars to the right raise the "
    "score, bars to the left lower it."
)
READ_SCORE_TERMS_FACTORISATION: Final = (
    "The score is a plain sum: each bar is one dimension of the user times the same dimension of the item."
)
READ_LOSS: Final = (
    "What training minimises: high where sampled negatives score above the items a user has, plus the L2 penalty. "
    "Without the penalty, a model that gives all items one score has ln 2 ≈ 0.69."
)
READ_VALIDATION: Final = (
    "How well held-out validation items rank after each epoch; higher is better. The best epoch's model is kept."
)
READ_METRICS: Final = "Test items ranked against all items that are not excluded; higher is better on every row."

TERMS: Final[dict[str, str]] = {
    "embedding": "a list of D numbers learnt for each user and each item",
    "interaction map": "all products of the user's numbers with the item's numbers, as a D × D matrix",
    "feature map": "what one filter of a layer computes from the map below, place by place",
    "filter": "a small square of weights that slides over a map",
    "channel": "one filter's feature map; a layer has several side by side",
    "receptive field": "the patch of the interaction map that a cell depends on",
    "ReLU": "keeps what is positive and sets the rest to 0",
    "score": "a number that orders items for one user; neither a probability nor a rating",
    "rank": "the item's place in the user's list, 1 being the first",
    "epoch": "one pass over all training interactions",
    "pretraining": "training the simpler model MF-BPR first; the network then starts from its embeddings",
    "validation": "interactions held out to choose the best epoch",
    "test": "other interactions held out, used only for the final metrics",
    "baseline": "a simple model that a better one has to beat",
}
"""Each term in plain words, shown at its first use."""


def term(name: str) -> str:
    """A term in plain words; empty for an unknown one."""
    return TERMS.get(name, "")
