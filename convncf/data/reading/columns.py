"""Which column plays which role: guessed by the usual names, or mapped by the user."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from convncf.errors import ReadError, did_you_mean

ROLES = ("user_id", "item_id", "rating", "timestamp", "title")

OPTIONS = {
    "user_id": "--user-column",
    "item_id": "--item-column",
    "rating": "--rating-column",
    "timestamp": "--time-column",
    "title": "--title-column",
}

_ROLE_WORDS = {"user_id": "user column", "item_id": "item column", "title": "title column"}

# Names as `_bare` leaves them, the surest first.
_USUAL = {
    "user_id": "userid user uid usr usrid customerid customer customerno customernumber custid memberid member "
    "reviewerid reviewer readerid visitorid accountid clientid client personid person subscriberid playerid listenerid "
    "username",
    "item_id": "itemid item iid movieid movie filmid film asin parentasin productid product productno productnumber "
    "sku stockcode articleid article isbn bookid book businessid business trackid track songid song artistid artist "
    "gameid game appid videoid newsid recipeid venueid placeid poiid locationid courseid",
    "rating": "rating ratings stars star starrating score overall bookrating reviewrating userrating preference "
    "playcount plays listencount quantity qty weight count",
    "timestamp": "timestamp time unixreviewtime unixtime unixtimestamp datetime date ts tstamp createdat created "
    "eventtime ratedat reviewtime reviewdate purchasedate orderdate invoicedate",
    "title": "title itemtitle movietitle filmtitle booktitle producttitle name itemname moviename filmname bookname "
    "productname trackname songname",
}
_COUNTS = (
    *("playcount", "plays", "listencount", "listens", "views", "clicks"),
    *("quantity", "qty", "amount", "pieces", "weight", "count", "counts"),
)
_TYPED = re.compile(r":(token|float|token_seq|float_seq)$")


def guess_columns(header: Sequence[str]) -> dict[str, str]:
    """Role -> column name, for the roles whose usual names occur; a column plays one role only."""
    by_bare: dict[str, str] = {}
    for name in header:
        by_bare.setdefault(bare_name(name), name.strip())
    guess: dict[str, str] = {}
    for role in ROLES:
        found = next((by_bare[usual] for usual in _USUAL[role].split() if usual in by_bare), None)
        if found is not None:
            guess[role] = found
    return guess


def counts_something(name: str) -> bool:
    """Whether a rating column of that name holds counts, such as plays or pieces."""
    return bare_name(name) in _COUNTS


def match_name(wanted: str, header: Sequence[str]) -> str | None:
    """The header's spelling of a name: exact, else the same but for case and surrounding blanks."""
    bare = [name.strip() for name in header]
    if wanted.strip() in bare:
        return wanted.strip()
    return next((name for name in bare if name.casefold() == wanted.strip().casefold()), None)


def resolve_columns(
    header: Sequence[str],
    mapping: Mapping[str, str | None],
    where: str,
    guess: Mapping[str, str] | None = None,
    needed: tuple[str, ...] = ("user_id", "item_id"),
) -> dict[str, int]:
    """Role -> position of its column. What is not mapped is guessed; a role mapped to None or "" is not read.

    `where` is the file and line of the header, `guess` stands for the guess by name where no header names the columns,
    and `needed` are the roles that must be found. Raises ReadError where a role or column does not exist, is ambiguous
    or used twice, or a needed role has no column.
    """
    names = [name.strip() for name in header]
    chosen: dict[str, str] = {}
    for role, wanted in mapping.items():
        if role not in ROLES:
            raise ReadError(f"{role!r} is no role of a column. {did_you_mean(role, ROLES)}")
        if not wanted:
            continue
        found = match_name(wanted, names)
        if found is None:
            raise ReadError(f"{where}: no column {wanted!r} among {_listed(names)}. {did_you_mean(wanted, names)}")
        chosen[role] = found
    taken = set(chosen.values())
    found_by_name = guess_columns([name for name in names if name not in taken])
    guessed = found_by_name if guess is None else {role: name for role, name in guess.items() if name not in taken}
    chosen |= {role: name for role, name in guessed.items() if role not in mapping}
    _refuse_unusable(names, chosen, where, needed, headless=guess is not None)
    return {role: names.index(chosen[role]) for role in ROLES if role in chosen}


def _refuse_unusable(
    names: list[str], chosen: dict[str, str], where: str, needed: tuple[str, ...], *, headless: bool
) -> None:
    missing = [role for role in needed if role not in chosen]
    if missing:
        options = " and ".join(f"{OPTIONS[role]} NAME" for role in missing)
        if headless:
            raise ReadError(
                f"{where} looks like data, not like a header, and which column is which does not show among the "
                f"{len(names)}. They can be mapped by number: {options.replace('NAME', 'NUMBER')}; or add a header "
                "line, such as user_id,item_id,rating,timestamp; or say --header where the line is one."
            )
        what = " and no ".join(_ROLE_WORDS[role] for role in missing)
        data = " If that line is data, say --no-header." if len(missing) == len(needed) else ""
        raise ReadError(f"{where}: no {what} among {_listed(names)}. Columns can be mapped with {options}.{data}")
    for role, name in chosen.items():
        if names.count(name) > 1:
            raise ReadError(
                f"{where}: {names.count(name)} columns are named {name!r}. Rename all but the {role} column."
            )
        other = next((known for known in chosen if known != role and chosen[known] == name), None)
        if other:
            raise ReadError(
                f"{where}: column {name!r} is mapped to both {role} and {other}. Map one of them to another."
            )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:12])
    return shown if len(names) <= 12 else f"{shown} and {len(names) - 12} more"


def bare_name(name: str) -> str:
    """' User-ID ' and 'user_id:token' -> 'userid'."""
    return re.sub(r"[\W_]+", "", _TYPED.sub("", name.strip()).casefold())
