"""What the panels under "Look closer" fetch from the core, kept for all visitors.

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
_KEPT: Final = 128
"""Results of all panels together; the largest is a megabyte."""


def edited(model: Model, user: int, item: int, edit: Counterfactual) -> CounterfactualScore:
    """Map and score before and after an edit."""
    key = (*model.key, "edited", *_ids(model, user, item), edit.words)
    return _kept(key, lambda: inspection.score_counterfactual(model.loaded.model, user, item, edit))


def edited_rank(model: Model, user: int, item: int, edit: Counterfactual) -> CounterfactualRank:
    """Ranks before and after an edit."""
    key = (*model.key, "edited rank", *_ids(model, user, item), edit.words)
    loaded, scores = model.loaded, cache.scores(model, user)
    return _kept(key, lambda: inspection.rank_counterfactual(loaded.model, loaded.split, user, item, edit, scores))


def over_training(run: Run, user: int, item: int) -> OverTraining:
    """The pair at each kept moment of the run."""
    best = cache.model(run)
    key = (*cache.kept(run), "over training", *_ids(best, user, item))
    checkpoints = checkpoints_of(best.loaded)
    return _kept(key, lambda: inspection.follow_pair(checkpoints, best.loaded.split, user, item))


def at_checkpoint(run: Run, label: str, user: int, item: int) -> PairView:
    """The whole view of the pair at the moment of that label."""
    best = cache.model(run)
    key = (*cache.kept(run), "at moment", label, *_ids(best, user, item))
    checkpoints = checkpoints_of(best.loaded)
    return _kept(key, lambda: inspection.view_at(checkpoints, label, best.loaded.split, user, item))


def attribution(model: Model, user: int, item: int, *, integrated: bool) -> Attribution:
    """What each cell adds to the score, by integrated gradients or by gradient × input."""
    key = (*model.key, "attribution", str(integrated), *_ids(model, user, item))
    attribute = inspection.integrated_gradients if integrated else inspection.gradient_times_input
    return _kept(key, lambda: attribute(model.loaded.model, user, item))


def responses(model: Model) -> Responses:
    """How the channels of a network answer to random pairs, drawn by the run's seed."""
    network = model.loaded.model
    assert isinstance(network, LayeredModel)

    def respond() -> Responses:
        users, items = inspection.random_pairs(network.n_users, network.n_items, seed=model.loaded.config.seed)
        return inspection.respond(network, users, items)

    return _kept((*model.key, "responses"), respond)


def nearest(model: Model, item: int) -> Neighbours:
    """The items whose embeddings point most nearly the same way."""
    key = (*model.key, "nearest", model.item_id(item))
    return _kept(key, lambda: neighbours.nearest_by_embedding(model.loaded.model, item))


def sharing(model: Model, item: int) -> Neighbours:
    """The items that share most users with it in training."""
    train = model.loaded.split.train
    key = (*model.data_key, "sharing", model.item_id(item))
    return _kept(key, lambda: neighbours.nearest_by_cooccurrence(train, item))


def mean_maps(model: Model, user: int) -> MeanMaps:
    """The user's history against random items, drawn by the run's seed."""
    loaded = model.loaded
    key = (*model.key, "mean maps", model.user_id(user))
    return _kept(key, lambda: neighbours.mean_maps(loaded.model, loaded.split, user, seed=loaded.config.seed))


def projection(model: Model, whose: Whose, also: int) -> Projection:
    """The embeddings of the most active items or users on a plane, and one more."""
    loaded = model.loaded
    at = model.user_id(also) if whose == "user" else model.item_id(also)
    key = (*model.key, "projection", whose, at)
    return _kept(key, lambda: projections.project(loaded.model, loaded.split, whose, also=also))


def _ids(model: Model, user: int, item: int) -> tuple[str, str]:
    return model.user_id(user), model.item_id(item)


def _kept(key: Key, make: Callable[[], T]) -> T:
    return shelf.keep("closer", key, make, room=_KEPT)
