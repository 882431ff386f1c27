"""Which file is what: interactions, a part of a predefined split, titles, or candidates; by name, else by content."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from convncf.data.reading.candidate_lists import holds_candidates
from convncf.data.reading.columns import guess_columns, match_name
from convncf.data.reading.options import READABLE, ReadOptions
from convncf.data.reading.readers import detect_format, reader_of
from convncf.data.reading.report import Role
from convncf.data.reading.sources import Found, Ignored, Source, clutter, find
from convncf.errors import ReadError

PART_ROLES: tuple[Role, ...] = ("training", "validation", "test")
_BY_NAME: tuple[tuple[str, str], ...] = (
    (r"\.test\.negatives?$|(^|[._-])candidates?\.(txt|negative)$", "candidates"),
    (r"\.(user|kg|link|net|useremb|itememb|ent|rel)$", "not read: the workbench learns from interactions alone"),
    (r"^(users?|u\.user|u\.occupation)(\.(dat|csv|tsv|txt))?$", "not read: attributes of users are not used"),
    (r"^(tags?|links?|genome-scores|genome-tags|u\.genre|u\.info)(\.(dat|csv|txt))?$", "not read: it holds no ratings"),
    (r"^(item|user)_list\.txt$", "not read: a table of renumbered ids"),
    (r"\.item$|^(movies?|films?|items?|books?|titles?|products?|artists?|bx[-_]books)\.[a-z]+$", "titles"),
    (r"\.(train|base)(\.(inter|rating|csv|tsv|txt|parquet|jsonl?))?$|^(.*[._-])?train(ing)?\.[a-z]+$", "training"),
    (
        r"\.valid(\.(inter|rating|csv|tsv|txt|parquet|jsonl?))?$|^(.*[._-])?(valid|validation|val|dev)\.[a-z]+$",
        "validation",
    ),
    (r"\.test(\.(inter|rating|csv|tsv|txt|parquet|jsonl?))?$|^(.*[._-])?test\.[a-z]+$", "test"),
    (r"\.inter$|^u\.data$|^(.*[._-])?(ratings?|interactions?|reviews?|events?|purchases?)\.[a-z]+$", "interactions"),
)
_UNREAD = "not read: "
# Beside the first, the others belong to the same set.
_COMPANIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"(.+)\.train\.inter", (r"\1.valid.inter", r"\1.test.inter", r"\1.item")),
    (r"(.+)\.inter", (r"\1.item",)),
    (r"(.+)\.train\.rating", (r"\1.test.rating", r"\1.test.negative", r"\1.item")),
    (r"u\.data", ("u.item",)),
    (r"(ratings)\.(dat|csv)", (r"movies.\2",)),
    (r"(train)\.txt", ("valid.txt", "val.txt", "test.txt")),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is read as what."""

    interactions: tuple[tuple[Source, Role], ...]
    titles: Source | None
    candidates: Source | None
    ignored: tuple[Ignored, ...]
    notes: tuple[str, ...]
    titles_given: bool = False
    """Whether the file with titles was named; else it lay beside the data, which must not fail for its sake."""

    @property
    def divided(self) -> bool:
        """Whether the data came divided into training and what is held out."""
        return any(role != "interactions" for _, role in self.interactions)


def make_plan(paths: Sequence[Path], options: ReadOptions) -> Plan:
    """Give each file its role. Raises ReadError where none holds interactions, or several might."""
    found, ignored = _without_documents([find(path) for path in paths])
    ignored += [entry for each in found for entry in each.ignored]
    roles: dict[Source, str] = {}
    notes: list[str] = []
    for each in found:
        roles |= {source: _by_name(source) or _by_content(source, options, each.collected) for source in each.sources}
    if len(roles) > 1:
        unread = {source: role for source, role in roles.items() if role.startswith(_UNREAD)}
        ignored += [Ignored(source.file, role.removeprefix(_UNREAD)) for source, role in unread.items()]
        roles = {source: role for source, role in roles.items() if source not in unread}
    if len(roles) > 1 and not set(roles.values()) & {"interactions", "perhaps", *PART_ROLES}:
        collected = any(each.collected for each in found)
        roles = {source: _by_content(source, options, collected) for source in roles}  # the names mislead
    alone = len(roles) == 1
    if options.companions:
        for source in list(roles):
            taken = {*roles.values(), *(["titles"] if options.titles else [])}
            beside = [other for other in _companions(source) if _by_name(other) not in taken]
            if beside and source.member is None:
                roles |= {other: _by_name(other) for other in beside}
                notes.append(f"read with {_listed(beside)}, which lie{'s' if len(beside) == 1 else ''} beside it")
    if options.titles is not None:
        own = find(options.titles).sources
        if len(own) != 1:
            raise ReadError(f"{options.titles} holds {len(own)} files. Give the one with the titles.")
        roles = {source: role for source, role in roles.items() if role != "titles"} | {own[0]: "titles"}
    if options.format is None and set(roles.values()) == {"candidates"}:
        raise _candidates_alone(next(iter(roles)))
    if alone and len(roles) == 1:
        only = next(iter(roles))
        return Plan(((only, "interactions"),), None, None, tuple(ignored), tuple(notes))
    plan = _settled(roles, ignored, notes, collected=any(each.collected for each in found))
    named = {source for each in found if not each.collected for source in each.sources}
    return replace(plan, titles_given=options.titles is not None or plan.titles in named)


def _without_documents(found: list[Found]) -> tuple[list[Found], list[Ignored]]:
    """What was named beside data though it is none, as FOLDER/* names a LICENSE: left out, as in a folder."""
    why = {each: clutter(each.sources[0]) for each in found if not each.collected}
    if not any(why.values()) or all(map(why.get, found)):
        return found, []
    ignored = [Ignored(each.sources[0].file, reason) for each, reason in why.items() if reason]
    return [each for each in found if not why.get(each)], ignored


def _candidates_alone(source: Source) -> ReadError:
    stem = re.sub(r"\.[a-z]+$", "", re.sub(r"\.test\.negatives?$", "", source.name))
    beside = source.path.with_name(f"{stem}.train.rating")
    advice = (
        f"Give {beside}: the others that lie beside it are read with it."
        if source.member is None and beside.is_file()
        else f"Give it with what it belongs to, such as {stem}.train.rating and {stem}.test.rating."
    )
    return ReadError(f"{source} holds candidate sets, each an answer and its negatives, and no interactions. {advice}")


def _by_name(source: Source) -> str:
    name = source.name.lower()
    return next((role for pattern, role in _BY_NAME if re.search(pattern, name)), "")


def _by_content(source: Source, options: ReadOptions, collected: bool) -> str:
    """'perhaps' interactions, or 'titles', by the columns; what cannot be read is an error only if it was asked for."""
    try:
        if options.format is None and holds_candidates(source):
            return "candidates"
        names, by_position = _columns(source, options)
    except ReadError:
        if collected:
            return f"{_UNREAD}it cannot be read as data"
        raise
    roles = guess_columns(names).keys() | by_position.keys()
    roles |= {role for role, name in options.columns.items() if name and match_name(name, names)}
    if {"user_id", "item_id"} <= roles:
        return "perhaps"
    if {"item_id", "title"} <= roles:
        return "titles"
    if collected or "user_id" in roles:
        return f"{_UNREAD}it has no {'item column' if 'user_id' in roles else 'user and item columns'} by name"
    return "unknown"


def _columns(source: Source, options: ReadOptions) -> tuple[list[str], dict[str, str]]:
    return reader_of(detect_format(source, options)).columns(source, options)


def _companions(source: Source) -> list[Source]:
    """Files of the same set in the same folder."""
    for pattern, others in _COMPANIONS:
        match = re.fullmatch(pattern, source.name, re.IGNORECASE)
        if match:
            names = [match.expand(other) for other in others]
            paths = [source.path.with_name(name + ending) for name in names for ending in ("", ".gz")]
            return [Source(path) for path in paths if path.is_file()]
    return []


def _settled(roles: dict[Source, str], ignored: list[Ignored], notes: list[str], *, collected: bool) -> Plan:
    of = {role: [source for source, given in roles.items() if given == role] for role in dict.fromkeys(roles.values())}
    whole, train, perhaps = (of.get(role, []) for role in ("interactions", "training", "perhaps"))
    if collected and (whole or train):
        known = (whole or train)[0].file
        ignored.extend(Ignored(source.file, f"{known} was taken; give this one to read it") for source in perhaps)
    else:
        whole = whole + perhaps
    held_out = [(source, role) for role in ("validation", "test") for source in of.get(role, [])]
    unknown = of.get("unknown", [])
    if unknown and not of.get("titles") and len(unknown) == 1 and (whole or train):
        of["titles"] = unknown  # columns that name neither user nor item, beside interactions: what else could it be
        unknown = []
    if whole and train and not collected:
        raise ReadError(
            f"{_listed(whole)} and {_listed(train)}: give either the whole or its parts, since one pair cannot be in "
            "both training and test."
        )
    if whole and train:
        ignored.extend(Ignored(source.file, "a part of what another file holds whole") for source in train)
        ignored.extend(Ignored(source.file, "a part of what another file holds whole") for source, _ in held_out)
        train, held_out = [], []
    elif held_out and whole:
        notes.append(f"{_listed(whole)} taken for training, since {_listed([s for s, _ in held_out])} is held out")
        train, whole = whole, []
    elif held_out and not train:
        whole, held_out = [source for source, _ in held_out], []
    parts = [(source, "interactions") for source in (*whole, *unknown)]
    parts += [(source, "training" if held_out else "interactions") for source in train]
    parts += held_out
    several = [source for source, role in parts if role in ("interactions", "training")]
    if collected and len(several) > 1:
        within = several[0].path if several[0].member else several[0].path.parent
        raise ReadError(
            f"{within} holds several files with interactions: {_listed(several)}. Give the one that is meant."
        )
    if not parts:
        there = _listed(list(roles)) or "nothing"
        raise ReadError(f"no file with interactions among: {there}. {READABLE}")
    titles, candidates = _one(of.get("titles", []), ignored), _one(of.get("candidates", []), ignored)
    if candidates is not None and not held_out:
        ignored.append(Ignored(candidates.file, "candidate sets for a test part, and there is none"))
        candidates = None
    return Plan(cast("tuple[tuple[Source, Role], ...]", tuple(parts)), titles, candidates, tuple(ignored), tuple(notes))


def _one(sources: list[Source], ignored: list[Ignored]) -> Source | None:
    for source in sources[1:]:
        ignored.append(Ignored(source.file, f"{sources[0].file} was taken"))
    return sources[0] if sources else None


def _listed(sources: Sequence[Source]) -> str:
    names = [source.file for source in sources]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""
