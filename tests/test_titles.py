"""Items found by what a person calls them: id, then title, then a part of a title; several or none are named."""

from __future__ import annotations

import pytest

from convncf.data.items import ItemTable, find_item
from convncf.data.vocabulary import Vocabulary
from convncf.errors import UnknownIdError


def table(*named: tuple[str, str], year: int | None = None) -> ItemTable:
    items = Vocabulary("item", tuple(raw for raw, _ in named))
    return ItemTable(items, tuple(title for _, title in named), (year,) * len(named), ((),) * len(named))


FILMS = table(
    *(("380", "True Lies (1994)"), ("7", "Lies"), ("8", "Heat"), ("9", "Dead Heat"), ("10", "Heat of the Sun")),
    *(("11", "Amélie"), ("12", "380"), ("13", ""), ("14", "Hamlet (1990)"), ("15", "Hamlet (1996)")),
)


@pytest.mark.parametrize(
    ("text", "raw"),
    [
        ("380", "380"),  # the id, though 12 is called so
        ("true LIES", "380"),  # the title, but for its year
        ("True Lies (1994)", "380"),
        ("lies", "7"),  # the whole title, though it is a part of another
        ("Heat", "8"),
        ("of the", "10"),  # a part that only one has
        (" amelie ", "11"),
        ("hamlet (1996)", "15"),
        ("13", "13"),  # without a title
    ],
)
def test_the_id_goes_before_the_title_and_the_title_before_a_part_of_it(text: str, raw: str) -> None:
    assert FILMS.items.id(find_item(FILMS, text)) == raw


def test_a_year_beside_the_title_may_be_written_or_left_out() -> None:
    films = table(("1", "Heat"), ("2", "Heat Wave"), year=1995)
    assert (find_item(films, "heat"), find_item(films, "Heat (1995)"), find_item(films, "wave")) == (0, 0, 1)


def test_several_are_listed_with_their_ids_five_at_most() -> None:
    with pytest.raises(UnknownIdError, match=r"2 .*'hamlet': Hamlet \(1990\) \(id 14\)"):
        find_item(FILMS, "hamlet")
    many = table(*((f"p{number}", f"Part {number}") for number in range(8)))
    with pytest.raises(UnknownIdError, match=r"8 .*'part'.* \(id p4\) and 3"):
        find_item(many, "part")


def test_none_names_the_nearest_titles_or_says_what_ids_look_like() -> None:
    with pytest.raises(UnknownIdError, match=r"'Tru Lyes', .* True Lies \(1994\) \(id 380\)"):
        find_item(FILMS, "Tru Lyes")
    with pytest.raises(UnknownIdError, match="'380'"):
        find_item(FILMS, "zzzzzzzzzzzz")


@pytest.mark.parametrize("text", ["", "  ", "i9"])
def test_blanks_and_data_without_titles_are_told_about_ids(text: str) -> None:
    untitled = ItemTable.untitled(Vocabulary("item", ("i1", "i2")))
    with pytest.raises(UnknownIdError, match="the 2"):
        find_item(untitled, text)
