"""The role of each file: interactions, a part of a predefined split, titles, or candidates; by name or content."""

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
from convncf.data.reading.sources import Ignored, PathFiles, Source, files_at, why_not_data
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
_PART_OF_ANOTHER = "a part of the interactions that another file holds complete"
# Files named as the first, and the companions that belong to the same set.
_COMPANIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"(.+)\.train\.inter", (r"\1.valid.inter", r"\1.test.inter", r"\1.item")),
    (r"(.+)\.inter", (r"\1.item",)),
    (r"(.+)\.train\.rating", (r"\1.test.rating", r"\1.test.negative", r"\1.item")),
    (r"u\.data", ("u.item",)),
    (r"(ratings)\.(dat|csv)", (r"movies.\2",)),
    (r"(train)\.txt", ("valid.txt", "val.txt", "test.txt")),
)


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """The role in which each file is read."""

    interactions: tuple[tuple[Source, Role], ...]
    titles: Source | None
    candidates: Source | None
    ignored: tuple[Ignored, ...]
    notes: tuple[str, ...]
    titles_given: bool = False
    """Whether the file with titles was named; else it lay beside the data, which can be read without it."""

    @property
    def has_parts(self) -> bool:
        """Whether the files are the parts of a predefined split."""
        return any(role != "interactions" for _, role in self.interactions)


def make_read_plan(paths: Sequence[Path], options: ReadOptions) -> ReadPlan:
    """Give each file its role. Raises ReadError where none holds interactions, or several might."""
    path_files, ignored = _without_documents([files_at(path) for path in paths])
    ignored += [file for files in path_files for file in files.ignored]
    roles: dict[Source, str] = {}
    notes: list[str] = []
    for files in path_files:
        roles |= {source: _by_name(source) or _by_content(source, options, files.collected) for source in files.sources}
    if len(roles) > 1:
        unread = {source: role for source, role in roles.items() if role.startswith(_UNREAD)}
        ignored += [Ignored(source.file, role.removeprefix(_UNREAD)) for source, role in unread.items()]
        roles = {source: role for source, role in roles.items() if source not in unread}
    if len(roles) > 1 and not set(roles.values()) & {"interactions", "perhaps", *PART_ROLES}:
        collected = any(files.collected for files in path_files)
        roles = {source: _by_content(source, options, collected) for source in roles}  # the names are misleading
    is_alone = len(roles) == 1
    if options.companions:
        for source in list(roles):
            roles_so_far = {*roles.values(), *(["titles"] if options.titles else [])}
            companions = [companion for companion in _companions(source) if _by_name(companion) not in roles_so_far]
            if companions and source.member is None:
                roles |= {companion: _by_name(companion) for companion in companions}
                verb = "is" if len(companions) == 1 else "are"
                notes.append(f"read with {_listed(companions)}, which {verb} in the same folder")
    if options.titles is not None:
        title_sources = files_at(options.titles).sources
        if len(title_sources) != 1:
            raise ReadError(f"{options.titles} holds {len(title_sources)} files. Give the one with the titles.")
        roles = {source: role for source, role in roles.items() if role != "titles"} | {title_sources[0]: "titles"}
    if options.format is None and set(roles.values()) == {"candidates"}:
        raise _candidates_alone(next(iter(roles)))
    if is_alone and len(roles) == 1:
        only = next(iter(roles))
        return ReadPlan(((only, "interactions"),), None, None, tuple(ignored), tuple(notes))
    plan = _resolved(roles, ignored, notes, collected=any(files.collected for files in path_files))
    named = {source for files in path_files if not files.collected for source in files.sources}
    return replace(plan, titles_given=options.titles is not None or plan.titles in named)


def _without_documents(path_files: list[PathFiles]) -> tuple[list[PathFiles], list[Ignored]]:
    """The files without documents that were named beside data, as FOLDER/* names a LICENSE."""
    reasons = {files: why_not_data(files.sources[0]) for files in path_files if not files.collected}
    if not any(reasons.values()) or all(map(reasons.get, path_files)):
        return path_files, []
    ignored = [Ignored(files.sources[0].file, reason) for files, reason in reasons.items() if reason]
    return [files for files in path_files if not reasons.get(files)], ignored


def _candidates_alone(source: Source) -> ReadError:
    stem = re.sub(r"\.[a-z]+$", "", re.sub(r"\.test\.negatives?$", "", source.name))
    beside = source.path.with_name(f"{stem}.train.rating")
    advice = (
        f"Give {beside}: its companions in the same folder are read with it."
        if source.member is None and beside.is_file()
        else f"Give it with its other files, such as {stem}.train.rating and {stem}.test.rating."
    )
    return ReadError(f"{source} holds candidate sets, each a positive and its negatives, and no interactions. {advice}")


def _by_name(source: Source) -> str:
    name = source.name.lower()
    return next((role for pattern, role in _BY_NAME if re.search(pattern, name)), "")


def _by_content(source: Source, options: ReadOptions, collected: bool) -> str:
    """'perhaps' interactions, or 'titles', by the columns; an unreadable file is an error only if it was named."""
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
    for pattern, companions in _COMPANIONS:
        match = re.fullmatch(pattern, source.name, re.IGNORECASE)
        if match:
            names = [match.expand(companion) for companion in companions]
            paths = [source.path.with_name(name + ending) for name in names for ending in ("", ".gz")]
            return [Source(path) for path in paths if path.is_file()]
    return []


def _resolved(roles: dict[Source, str], ignored: list[Ignored], notes: list[str], *, collected: bool) -> ReadPlan:
    by_role = {
        role: [source for source, file_role in roles.items() if file_role == role]
        for role in dict.fromkeys(roles.values())
    }
    whole, train, perhaps = (by_role.get(role, []) for role in ("interactions", "training", "perhaps"))
    if collected and (whole or train):
        read_file = (whole or train)[0].file
        ignored.extend(
            Ignored(source.file, f"{read_file} was read instead; name this one to read it") for source in perhaps
        )
    else:
        whole = whole + perhaps
    held_out = [(source, role) for role in ("validation", "test") for source in by_role.get(role, [])]
    unknown = by_role.get("unknown", [])
    if unknown and not by_role.get("titles") and len(unknown) == 1 and (whole or train):
        by_role["titles"] = unknown  # beside interactions, columns that name neither user nor item can only be titles
        unknown = []
    if whole and train and not collected:
        raise ReadError(
            f"{_listed(whole)} and {_listed(train)}: give either the complete file or its parts, since one pair cannot "
            "be in both training and test."
        )
    if whole and train:
        ignored.extend(Ignored(source.file, _PART_OF_ANOTHER) for source in train)
        ignored.extend(Ignored(source.file, _PART_OF_ANOTHER) for source, _ in held_out)
        train, held_out = [], []
    elif held_out and whole:
        notes.append(f"{_listed(whole)} read as training, since {_listed([s for s, _ in held_out])} is held out")
        train, whole = whole, []
    elif held_out and not train:
        whole, held_out = [source for source, _ in held_out], []
    parts = [(source, "interactions") for source in (*whole, *unknown)]
    parts += [(source, "training" if held_out else "interactions") for source in train]
    parts += held_out
    several = [source for source, role in parts if role in ("interactions", "training")]
    if collected and len(several) > 1:
        place = several[0].path if several[0].member else several[0].path.parent
        raise ReadError(
            f"{place} holds several files with interactions: {_listed(several)}. Give the one that is meant."
        )
    if not parts:
        names = _listed(list(roles)) or "nothing"
        raise ReadError(f"no file with interactions among: {names}. {READABLE}")
    titles, candidates = _first(by_role.get("titles", []), ignored), _first(by_role.get("candidates", []), ignored)
    if candidates is not None and not held_out:
        ignored.append(Ignored(candidates.file, "candidate sets for a test part, and there is none"))
        candidates = None
    return ReadPlan(
        cast("tuple[tuple[Source, Role], ...]", tuple(parts)), titles, candidates, tuple(ignored), tuple(notes)
    )


def _first(sources: list[Source], ignored: list[Ignored]) -> Source | None:
    for source in sources[1:]:
        ignored.append(Ignored(source.file, f"{sources[0].file} was read instead"))
    return sources[0] if sources else None


def _listed(sources: Sequence[Source]) -> str:
    names = [source.file for source in sources]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""
