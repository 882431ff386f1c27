"""Results of the panels under "Look closer": fetched from the core, and cached for all visitors.

Users and items are indices here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from app.ui import cache, shelf
from app.ui.cache import Model
from app.ui.shelf import Key
from convncf import inspection
from convncf.inspection import (
    Attribution,
    Counterfactual,
    CounterfactualRank,
    CounterfactualScore,
    OverTraining,
    PairView,
    Responses,
    neighbours,
)
from convncf.inspection import projection as projections
from convncf.inspection.neighbours import MeanMaps, Neighbours
from convncf.inspection.projection import Projection, Whose
from convncf.models.abilities import LayeredModel
from convncf.runs import Run
from convncf.workflow.loading import checkpoints_of

T = TypeVar("T")
_CACHED: Final = 128
"""Results of all panels together; the largest takes a megabyte."""


def counterfactual_score(model: Model, user: int, item: int, counterfactual: Counterfactual) -> CounterfactualScore:
    """Map and score before and after a counterfactual."""
    key = (*model.key, "counterfactual score", *_ids(model, user, item), counterfactual.words)
    return _cached(key, lambda: inspection.score_counterfactual(model.loaded.model, user, item, counterfactual))


def counterfactual_rank(model: Model, user: int, item: int, counterfactual: Counterfactual) -> CounterfactualRank:
    """Ranks before and after a counterfactual."""
    key = (*model.key, "counterfactual rank", *_ids(model, user, item), counterfactual.words)
    loaded, scores = model.loaded, cache.scores(model, user)
    return _cached(
        key, lambda: inspection.rank_counterfactual(loaded.model, loaded.split, user, item, counterfactual, scores)
    )


def over_training(run: Run, user: int, item: int) -> OverTraining:
    """The pair at each kept checkpoint of the run."""
    best = cache.model(run)
    key = (*cache.checkpoints_key(run), "over training", *_ids(best, user, item))
    checkpoints = checkpoints_of(best.loaded)
    return _cached(key, lambda: inspection.follow_pair(checkpoints, best.loaded.split, user, item))


def at_checkpoint(run: Run, label: str, user: int, item: int) -> PairView:
    """The whole view of the pair at the checkpoint of that label."""
    best = cache.model(run)
    key = (*cache.checkpoints_key(run), "at checkpoint", label, *_ids(best, user, item))
    checkpoints = checkpoints_of(best.loaded)
    return _cached(key, lambda: inspection.view_at(checkpoints, label, best.loaded.split, user, item))


def attribution(model: Model, user: int, item: int, *, integrated: bool) -> Attribution:
    """Contribution of each cell to the score, by integrated gradients or by gradient × input."""
    key = (*model.key, "attribution", str(integrated), *_ids(model, user, item))
    attribute = inspection.integrated_gradients if integrated else inspection.gradient_times_input
    return _cached(key, lambda: attribute(model.loaded.model, user, item))


def responses(model: Model) -> Responses:
    """Responses of a network's channels to random pairs, sampled with the run's seed."""
    network = model.loaded.model
    assert isinstance(network, LayeredModel)

    def respond() -> Responses:
        users, items = inspection.random_pairs(network.n_users, network.n_items, seed=model.loaded.config.seed)
        return inspection.respond(network, users, items)

    return _cached((*model.key, "responses"), respond)


def nearest(model: Model, item: int) -> Neighbours:
    """The nearest items by cosine similarity of embeddings."""
    key = (*model.key, "nearest", model.item_id(item))
    return _cached(key, lambda: neighbours.nearest_by_embedding(model.loaded.model, item))


def sharing(model: Model, item: int) -> Neighbours:
    """The nearest items by shared users in training."""
    train = model.loaded.split.train
    key = (*model.data_key, "sharing", model.item_id(item))
    return _cached(key, lambda: neighbours.nearest_by_cooccurrence(train, item))


def mean_maps(model: Model, user: int) -> MeanMaps:
    """Mean maps of the user's history and of random items, sampled with the run's seed."""
    loaded = model.loaded
    key = (*model.key, "mean maps", model.user_id(user))
    return _cached(key, lambda: neighbours.mean_maps(loaded.model, loaded.split, user, seed=loaded.config.seed))


def projection(model: Model, whose: Whose, included: int) -> Projection:
    """Two-dimensional projection of the embeddings of the most active items or users, and of one more."""
    loaded = model.loaded
    raw_id = model.user_id(included) if whose == "user" else model.item_id(included)
    key = (*model.key, "projection", whose, raw_id)
    return _cached(key, lambda: projections.project(loaded.model, loaded.split, whose, also=included))


def _ids(model: Model, user: int, item: int) -> tuple[str, str]:
    return model.user_id(user), model.item_id(item)


def _cached(key: Key, make: Callable[[], T]) -> T:
    return shelf.keep("closer", key, make, room=_CACHED)
