"""Items by what a person calls them: the raw id, the title, or a part of the title."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from convncf.data.items import ItemTable
from convncf.errors import UnknownIdError, nearest

_SHOWN: Final = 5
"""Items that an error names."""
_YEAR: Final = re.compile(r"\s*\(\d{4}\)\s*$")


def find_item(items: ItemTable, text: str) -> int:
    """Index of the item with this id, else with this title, else with this part of its title.

    Case, accents and a year at the title's end do not matter. Raises UnknownIdError where several items are meant, or
    none is; it names some of them, or the titles most like the text.
    """
    exact = items.items.get(text)
    wanted = fold(text).strip()
    if exact is not None:
        return exact
    if not wanted or not items.n_titled:
        return items.items.index(text)  # says which ids are most like it
    labels = [fold(items.label(index)).strip() if title.strip() else "" for index, title in enumerate(items.titles)]
    whole = [index for index, label in enumerate(labels) if wanted in (label, _YEAR.sub("", label))]
    found = whole or [index for index, label in enumerate(labels) if wanted in label]
    if len(found) == 1:
        return found[0]
    if found:
        how = "have the title" if whole else "have in their title"
        more = f" and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else ""
        raise UnknownIdError(
            f"{len(found):,} items {how} {text!r}: {_named(items, found[:_SHOWN])}{more}. Give the id of one of them."
        )
    meant = {form: index for index, label in enumerate(labels) if label for form in (label, _YEAR.sub("", label))}
    close = list(dict.fromkeys(meant[form] for form in nearest(wanted, meant, _SHOWN)))
    hint = f"Nearest titles: {_named(items, close)}." if close else f"Ids look like {items.items.ids[0]!r}."
    raise UnknownIdError(
        f"no item of the {len(items):,} in the data has the id {text!r}, or a title with these words. {hint}"
    )


def fold(text: str) -> str:
    """Text without case and accents: 'Amélie' -> 'amelie'."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()


def _named(items: ItemTable, indices: list[int]) -> str:
    return ", ".join(f"{items.label(index)} (id {items.items.id(index)})" for index in indices)
