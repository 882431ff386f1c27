"""Labels of a run: its tags, a note and whether it is archived, in labels.json of its folder.

They change no figure: they are not part of what makes runs comparable, and training, resuming and evaluating leave
the file alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from filelock import FileLock

from convncf.errors import RunBrokenError, RunError, RunNotFoundError
from convncf.runs.files import read_object
from convncf.runtime import files

LONGEST_TAG: Final = 40
LONGEST_NOTE: Final = 4_000
_WAY_OUT: Final = "Set tags, note or archive again, which replaces the file; the run itself is intact."


@dataclass(frozen=True, slots=True)
class Labels:
    """The contents of labels.json; empty without the file."""

    tags: tuple[str, ...] = ()
    """Each once, in the order in which they were given."""
    note: str = ""
    archived: bool = False
    """Whether it is archived: lists show it only on request."""
    problem: str = ""
    """Why the file cannot be read; empty when it can. There are no labels then."""

    def with_tags(self, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> Labels:
        """More tags, and fewer; a tag is compared without case."""
        removed = {_tag(tag).casefold() for tag in remove}
        tags = {tag.casefold(): tag for tag in self.tags if tag.casefold() not in removed}
        for tag in map(_tag, add):
            tags.setdefault(tag.casefold(), tag)
        return replace(self, tags=tuple(tags.values()))

    def with_note(self, note: str) -> Labels:
        """Another note; empty text removes it. Raises RunError where it is too long."""
        text = note.strip()
        if len(text) > LONGEST_NOTE:
            raise RunError(f"a note of {len(text):,} characters is too long: {LONGEST_NOTE:,} are kept. Shorten it.")
        return replace(self, note=text)


def read_labels(path: Path) -> Labels:
    """The labels in the file at `path`. A damaged file gives a `problem`, never an exception."""
    if not path.exists():
        return Labels()
    try:
        value = read_object(path, way_out=_WAY_OUT)
    except RunBrokenError as error:
        return Labels(problem=str(error))
    problem = _problem(value)
    if problem:
        return Labels(problem=f"{path}: {problem}. {_WAY_OUT}")
    return Labels(tuple(value.get("tags", ())), value.get("note", ""), value.get("archived", False))


def change_labels(path: Path, change: Callable[[Labels], Labels]) -> Labels:
    """Write the labels that `change` returns for those at `path`, atomically; two changes at once are both kept.

    Raises RunNotFoundError where the run's folder is gone, RunError where a label is not allowed.
    """
    lock = FileLock(path.parent.parent / ".labels.lock")  # one for all runs, so that no lock stays in their folders
    try:
        with lock:
            if not path.parent.is_dir():
                raise RunNotFoundError(f"run {path.parent.name!r} is no longer there: it was deleted or renamed.")
            before = read_labels(path)
            after = replace(change(replace(before, problem="")), problem="")
            if after != before:
                files.write_json(path, {"tags": list(after.tags), "note": after.note, "archived": after.archived})
    except FileNotFoundError:  # deleted at the same time
        raise RunNotFoundError(f"run {path.parent.name!r} is no longer there: it was deleted or renamed.") from None
    return after


def _tag(text: str) -> str:
    """A tag as it is stored. Raises RunError for one that is empty, too long, or would read as several."""
    tag = " ".join(text.split())
    if not tag or len(tag) > LONGEST_TAG or "," in tag:
        raise RunError(
            f"tag {text[:100]!r} cannot be: a tag has 1 to {LONGEST_TAG} characters and no comma. Give a shorter word."
        )
    return tag


def _problem(value: dict[str, Any]) -> str:
    """What is wrong with the object in labels.json; empty where it is valid."""
    tags, note, archived = value.get("tags", []), value.get("note", ""), value.get("archived", False)
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        return f"tags is {str(tags)[:60]!r}, not a list of words"
    if not isinstance(note, str):
        return f"note is {str(note)[:60]!r}, not text"
    return "" if isinstance(archived, bool) else f"archived is {str(archived)[:60]!r}, not true or false"
