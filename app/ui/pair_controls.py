"""Controls of a pair: run, user, item and epoch in one row, each bound to the address by raw id."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import streamlit as st
from scipy import sparse

from app.ui import address, cache, picker, shelf
from app.ui.cache import MOST_MATCHES, Matches, Model
from app.ui.text import plain, sentence
from convncf.data.vocabulary import Vocabulary
from convncf.errors import UnknownIdError
from convncf.figures.theme import shorten
from convncf.inspection.neighbours import UsersOfItems, users_of_items
from convncf.models.registry import record
from convncf.runs import Run


@dataclass(frozen=True, slots=True)
class MatchingUsers:
    """Users who match by id first, then those who have an item whose title matches."""

    matches: Matches
    has: dict[int, int]
    """User -> the item by whose title they matched."""


def find_user(model: Model, text: str) -> MatchingUsers:
    """At most `cache.MOST_MATCHES` users; those who match both ways count once."""
    by_id = cache.find_users(model, text)
    titled = cache.find_items(model, text)
    having = _users_of_items(model, titled.indices)
    truncated = titled.total > len(titled.indices)
    note = (
        f"Only users of the first {len(titled.indices)} of {titled.total:,} matching titles are listed."
        if truncated
        else ""
    )
    if by_id.total > len(by_id.indices):  # a full list: no other would be shown
        return MatchingUsers(Matches(by_id.indices, by_id.total), {})
    unlisted = ~np.isin(having.users, by_id.indices)
    users, items = having.users[unlisted], having.items[unlisted]
    shown = users[: MOST_MATCHES - len(by_id.indices)].tolist()
    has = dict(zip(shown, items.tolist(), strict=False))
    return MatchingUsers(Matches((*by_id.indices, *shown), by_id.total + len(users), note), has)


def _users_of_items(model: Model, items: tuple[int, ...]) -> UsersOfItems:
    def columns() -> sparse.csc_array:
        return model.dataset.interactions.matrix().tocsc()

    return users_of_items(shelf.keep("users of items", model.data_key, columns, room=shelf.DATASETS), items)


_SUGGESTED: Final = 20
BEST: Final = "best"
"""Mark of the epoch whose model was selected; "last" where nothing was validated."""


# ---------------------------------------------------------------- run
def run(runs: Sequence[Run], width: int = 200) -> Run | None:
    """Pick a run; a broken one is listed as such. None where the address names a run that does not exist."""
    by_name = {run.name: run for run in runs}
    requested = address.chosen("run")
    if requested not in by_name:
        if address.value("run"):
            st.session_state["inspect:run"] = None
        else:
            requested = _first(runs).name
    if requested in by_name:
        st.session_state["inspect:run"] = requested
    labels = {name: _run_label(known) for name, known in by_name.items()}
    st.selectbox(
        "Run",
        list(by_name),
        key="inspect:run",
        format_func=labels.__getitem__,
        placeholder="Choose a run",
        on_change=_run_picked,
        args=(by_name, requested),
        width=width,
    )
    return by_name.get(requested or "")


def _first(runs: Sequence[Run]) -> Run:
    """Default run: the newest that has a model, preferably one with convolutional layers."""
    ready = None
    for run in runs:
        if run.model_path.exists() and not run.broken():
            if record(run.config().model.name).layers:
                return run
            ready = ready or run
    return ready or runs[0]


def _run_label(run: Run) -> str:
    if not run.created:
        return f"{run.name} · cannot be read"
    return run.name if run.model_path.exists() else f"{run.name} · no model"


def _run_picked(by_name: Mapping[str, Run], before: str | None) -> None:
    """Another run resets the epoch; other data resets user and item; unreadable data leaves only those that exist."""
    picked, previous = by_name[st.session_state["inspect:run"]], by_name.get(before or "")
    address.choose(run=picked.name, epoch=None)
    if previous is None or previous.broken() or picked.broken():
        address.forget("user", "item")
    elif previous.fingerprint != picked.fingerprint:
        address.choose(user=None, item=None)


# ---------------------------------------------------------------- user and item
def user(model: Model, user: int | None) -> None:
    """Pick a user by part of an id, or of a title that they have."""
    n = model.dataset.interactions.n_users
    has: dict[int, int] = {}  # user -> the item whose title matched

    def find(text: str) -> Matches:
        matching = find_user(model, text)
        has.clear()
        has.update(matching.has)
        return matching.matches

    def describe(index: int) -> str:
        return user_label(model, index, first=has.get(index))

    picker.show(
        "User",
        "Choose a user" if user is None else user_label(model, user, titles=1),
        key="pair:user",
        hint=f"Part of an id, or of a title that they have, among {n:,} users",
        find=find,
        describe=describe,
        suggestions=lambda: {
            f"The first of {n:,} users; type a part of an id or of a title to find another": range(min(n, _SUGGESTED))
        },
        choose=lambda index: address.choose(user=model.user_id(index)),
    )


def item(model: Model, user: int | None, item: int | None) -> None:
    """Pick an item from the user's top items or history, or by part of its title or id."""
    n = model.dataset.interactions.n_items

    def suggestions() -> dict[str, Sequence[int]]:
        if user is None:
            return {f"The first of {n:,} items": range(min(n, _SUGGESTED))}
        return {
            f"Top {cache.TOP} of user {model.user_id(user)}": cache.top(model, user).items.tolist(),
            "Their history": cache.history(model, user).items[:_SUGGESTED].tolist(),
        }

    picker.show(
        "Item",
        "Choose an item" if item is None else model.item_label(item),
        key="pair:item",
        hint=f"Part of a title or id, among {n:,} items",
        find=lambda text: cache.find_items(model, text),
        describe=model.item_label,
        suggestions=suggestions,
        choose=lambda index: address.choose(item=model.item_id(index)),
    )


def user_and_item(model: Model, chosen_user: int | None, chosen_item: int | None) -> None:
    """The pickers of a user and an item, and the button for a random pair, in this order."""
    user(model, chosen_user)
    item(model, chosen_user, chosen_item)
    random_pair(model)


def random_pair(model: Model) -> None:
    """A button for a random user and one of their top items."""
    st.button(
        "Random pair",
        key="pair:random",
        on_click=_random_pair,
        args=(model,),
        help="A random user, and one of their top items",
    )


def _random_pair(model: Model) -> None:
    user, item = cache.random_pair(model)
    address.choose(user=model.user_id(user), item=model.item_id(item))


def user_index(model: Model, problems: list[str]) -> int | None:
    """The user that is chosen, else a good first look; what is wrong with the address goes to `wrong`."""
    return _index("user", model.dataset.interactions.users, lambda: cache.first_pair(model)[0], problems)


def item_index(model: Model, user: int | None, problems: list[str]) -> int | None:
    """The item that is chosen, else a good first look, else the user's best."""
    items = model.dataset.interactions.items
    return _index("item", items, lambda: None if user is None else _first_item(model, user), problems)


def _first_item(model: Model, user: int) -> int:
    """That of the first look where the user is the one of it, else the user's best."""
    first_user, first_item = cache.first_pair(model)
    if user == first_user:
        return first_item
    best = cache.top(model, user).items.tolist()
    return best[0] if best else 0


def remember(model: Model, user: int | None, item: int | None, **ids: str) -> None:
    """Put the pair into the address; an id that the address has and the data lacks stays."""
    if user is not None:
        ids["user"] = model.user_id(user)
    if item is not None:
        ids["item"] = model.item_id(item)
    address.choose(**ids)


def _index(name: str, ids: Vocabulary, default: Callable[[], int | None], problems: list[str]) -> int | None:
    """Index of the chosen id; an unknown one in the address is a problem, one that is only remembered is ignored."""
    requested = address.chosen(name)
    if requested is not None and requested in ids:
        return ids.index(requested)
    if requested is not None and address.value(name):
        try:
            ids.index(requested)
        except UnknownIdError as error:
            problems.append(f"{sentence(error)} Choose another one above, or a random pair.")
        return None
    return default()


def user_label(model: Model, user: int, *, titles: int = 2, first: int | None = None) -> str:
    """ "15 · watched Heat, Alien … and 37 more"; `first`, else the latest first where there are times."""
    items = cache.history(model, user).items
    leading = [] if first is None else [first]
    shown = [*leading, *(item for item in items[: titles + 1].tolist() if item != first)][:titles]
    names = [model.dataset.items.titles[index].strip() or model.item_id(index) for index in shown]
    more = f" … and {len(items) - titles:,} more" if len(items) > titles else ""
    return f"{model.user_id(user)} · {has(model)} {', '.join(shorten(name, 18) for name in names)}{more}"


def has(model: Model) -> str:
    """The verb for an interaction: films are watched; for other data "has"."""
    return "watched" if model.dataset.name.startswith("movielens") else "has"


# ---------------------------------------------------------------- epoch
def epoch(choices: Sequence[int], best: int, chosen: int, mark: str) -> None:
    """Slider over the kept epochs; `mark` labels the one whose model was selected."""
    if len(choices) < 2:
        with st.container(gap="xxsmall", width=170):
            st.markdown(":small[Epoch]", help="No other checkpoint of this run was kept.")
            st.markdown(plain(epoch_label(best, best, mark)))
        return
    st.session_state["inspect:epoch"] = chosen
    st.select_slider(
        "Epoch",
        choices,
        key="inspect:epoch",
        format_func=lambda value: epoch_label(value, best, mark),
        on_change=address.follow("epoch", "inspect:epoch"),
        help="The same pair at each kept checkpoint; the start is before the first training step.",
        width=170,
    )


def epoch_label(epoch: int, best: int = -1, mark: str = BEST) -> str:
    """ "start", "3", "7 · best"; "7 · last" in a run without validation, whose start has no mark."""
    name = "start" if epoch == 0 else str(epoch)
    return f"{name} · {mark}" if epoch == best and (epoch or mark == BEST) else name
