"""Controls of a pair: run, user, item and epoch in one row, each bound to the address by raw id."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import streamlit as st
from scipy import sparse

from app.ui import address, cache, picker, shelf
from app.ui.cache import FOUND, Found, Model
from app.ui.text import plain, sentence
from convncf.data.vocabulary import Vocabulary
from convncf.errors import UnknownIdError
from convncf.figures.theme import shorten
from convncf.inspection.neighbours import UsersOfItems, users_of_items
from convncf.models.registry import record
from convncf.runs import Run


@dataclass(frozen=True, slots=True)
class FoundUsers:
    """Users by id first, then those who have what was typed."""

    found: Found
    has: dict[int, int]
    """User -> the item by whose title they were found."""


def find_user(model: Model, text: str) -> FoundUsers:
    """At most `loading.FOUND` users; those found both ways count once."""
    by_id = cache.find_users(model, text)
    titled = cache.find_items(model, text)
    having = _users_of_items(model, titled.indices)
    more = titled.total > len(titled.indices)
    note = f"Of {titled.total:,} titles with it, the first {len(titled.indices)} were looked for." if more else ""
    if by_id.total > len(by_id.indices):  # a full list: nobody else would be shown
        return FoundUsers(Found(by_id.indices, by_id.total), {})
    new = ~np.isin(having.users, by_id.indices)
    users, items = having.users[new], having.items[new]
    shown = users[: FOUND - len(by_id.indices)].tolist()
    has = dict(zip(shown, items.tolist(), strict=False))
    return FoundUsers(Found((*by_id.indices, *shown), by_id.total + len(users), note), has)


def _users_of_items(model: Model, items: tuple[int, ...]) -> UsersOfItems:
    def columns() -> sparse.csc_array:
        return model.dataset.interactions.matrix().tocsc()

    return users_of_items(shelf.keep("users of items", model.data_key, columns, room=shelf.DATASETS), items)


_SUGGESTED: Final = 20
BEST: Final = "best"
"""What stands beside the epoch of the model; "last" where nothing was validated."""


# ---------------------------------------------------------------- run
def run(runs: Sequence[Run], width: int = 200) -> Run | None:
    """Pick a run; a broken one is in the list and says so. None where the address names a run that is not there."""
    by_name = {run.name: run for run in runs}
    asked = address.chosen("run")
    if asked not in by_name:
        if address.asked("run"):
            st.session_state["inspect:run"] = None
        else:
            asked = _first(runs).name
    if asked in by_name:
        st.session_state["inspect:run"] = asked
    labels = {name: _run_label(found) for name, found in by_name.items()}
    st.selectbox(
        "Run",
        list(by_name),
        key="inspect:run",
        format_func=labels.__getitem__,
        placeholder="Choose a run",
        on_change=_run_picked,
        args=(by_name, asked),
        width=width,
    )
    return by_name.get(asked or "")


def _first(runs: Sequence[Run]) -> Run:
    """What to show a newcomer: the newest run that has a model, and rather one with layers to look into."""
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
    """Epochs belong to a run, ids to its data: of other data nothing is kept, of unknown data what it has as well."""
    picked, old = by_name[st.session_state["inspect:run"]], by_name.get(before or "")
    address.choose(run=picked.name, epoch=None)
    if old is None or old.broken() or picked.broken():
        address.forget("user", "item")
    elif old.fingerprint != picked.fingerprint:
        address.choose(user=None, item=None)


# ---------------------------------------------------------------- user and item
def user(model: Model, user: int | None) -> None:
    """Pick a user by a part of an id, or of a title that they have."""
    n = model.dataset.interactions.n_users
    has: dict[int, int] = {}  # how those were found who were found by a title

    def find(text: str) -> Found:
        found = find_user(model, text)
        has.clear()
        has.update(found.has)
        return found.found

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
    """Pick an item from the user's best or own, or by a part of its title or id."""
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


def both(model: Model, chosen_user: int | None, chosen_item: int | None) -> None:
    """The pickers of a user and an item, and the button that surprises, in this order."""
    user(model, chosen_user)
    item(model, chosen_user, chosen_item)
    random_pair(model)


def random_pair(model: Model) -> None:
    """A button for any user and one of their best items."""
    st.button(
        "Surprise me",
        key="pair:surprise",
        on_click=_random_pair,
        args=(model,),
        help="Any user, and one of their best items",
    )


def _random_pair(model: Model) -> None:
    user, item = cache.random_pair(model)
    address.choose(user=model.user_id(user), item=model.item_id(item))


def user_index(model: Model, wrong: list[str]) -> int | None:
    """The user that is chosen, else a good first look; what is wrong with the address goes to `wrong`."""
    return _index("user", model.dataset.interactions.users, lambda: cache.first_pair(model)[0], wrong)


def item_index(model: Model, user: int | None, wrong: list[str]) -> int | None:
    """The item that is chosen, else a good first look, else the user's best."""
    items = model.dataset.interactions.items
    return _index("item", items, lambda: None if user is None else _first_item(model, user), wrong)


def _first_item(model: Model, user: int) -> int:
    """That of the first look where the user is the one of it, else the user's best."""
    first_user, first_item = cache.first_pair(model)
    if user == first_user:
        return first_item
    best = cache.top(model, user).items.tolist()
    return best[0] if best else 0


def remember(model: Model, user: int | None, item: int | None, **ids: str) -> None:
    """Choose what is looked at; an id that the address has and the data lacks stays."""
    if user is not None:
        ids["user"] = model.user_id(user)
    if item is not None:
        ids["item"] = model.item_id(item)
    address.choose(**ids)


def _index(name: str, ids: Vocabulary, default: Callable[[], int | None], wrong: list[str]) -> int | None:
    """The index of the id that is chosen; an unknown one in the address is said, one that is only remembered let go."""
    asked = address.chosen(name)
    if asked is not None and asked in ids:
        return ids.index(asked)
    if asked is not None and address.asked(name):
        try:
            ids.index(asked)
        except UnknownIdError as error:
            wrong.append(f"{sentence(error)} Choose another one above, or be surprised.")
        return None
    return default()


def user_label(model: Model, user: int, *, titles: int = 2, first: int | None = None) -> str:
    """ "15 · watched Heat, Alien … and 37 more"; `first`, else the latest first where there are times."""
    items = cache.history(model, user).items
    ahead = [] if first is None else [first]
    listed = [*ahead, *(item for item in items[: titles + 1].tolist() if item != first)][:titles]
    names = [model.dataset.items.titles[index].strip() or model.item_id(index) for index in listed]
    more = f" … and {len(items) - titles:,} more" if len(items) > titles else ""
    return f"{model.user_id(user)} · {has(model)} {', '.join(shorten(name, 18) for name in names)}{more}"


def has(model: Model) -> str:
    """What users do with items, in a word: films are watched, of other data nothing is known."""
    return "watched" if model.dataset.name.startswith("movielens") else "has"


# ---------------------------------------------------------------- epoch
def epoch(choices: Sequence[int], best: int, chosen: int, mark: str) -> None:
    """Walk through the kept epochs, from the start to the end; `mark` stands beside the one of the model."""
    if len(choices) < 2:
        with st.container(gap="xxsmall", width=170):
            st.markdown(":small[Epoch]", help="No other epoch of this run was kept.")
            st.markdown(plain(epoch_label(best, best, mark)))
        return
    st.session_state["inspect:epoch"] = chosen
    st.select_slider(
        "Epoch",
        choices,
        key="inspect:epoch",
        format_func=lambda value: epoch_label(value, best, mark),
        on_change=address.follow("epoch", "inspect:epoch"),
        help="The same pair as the model learned: the start is before the first step.",
        width=170,
    )


def epoch_label(epoch: int, best: int = -1, mark: str = BEST) -> str:
    """ "start", "3", "7 · best"; "7 · last" in a run without validation, whose start is just that."""
    name = "start" if epoch == 0 else str(epoch)
    return f"{name} · {mark}" if epoch == best and (epoch or mark == BEST) else name
