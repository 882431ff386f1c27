"""JSON lines, one object a line, as in Amazon's and Yelp's reviews -> Table."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pyarrow as pa

from convncf.data.formats import FORMAT_WORDS
from convncf.data.reading.columns import guess_columns
from convncf.data.reading.dialect import line_of, read_text
from convncf.data.reading.first_rows import FirstRows, first_lines
from convncf.data.reading.options import READABLE, ReadOptions
from convncf.data.reading.report import DroppedRows
from convncf.data.reading.sources import Source
from convncf.data.reading.tables import Table
from convncf.errors import ReadError


def looks_like_json(source: Source) -> bool:
    """Whether a file begins as JSON does: with an object, or a list of them."""
    start = source.start.removeprefix(b"\xef\xbb\xbf").lstrip()
    return bool(re.match(rb"\{\s*[\"'}]|\[\s*(?:[{\[\]]|$)", start))


def read_json_lines(source: Source, options: ReadOptions) -> Table:
    """The table in a file with one JSON object a line. Raises ReadError where no line is one.

    Numbers keep their digits. A nested object is kept as its text: map a column of the first level.
    """
    text = read_text(source, encoding=options.encoding)
    raw = re.split(r"\r\n|\r|\n", text.content)
    if raw[-1] == "":
        raw.pop()
    filled = [(number, line) for number, line in enumerate(raw, start=1) if line.strip()]
    objects: list[dict[str, Any] | None] = [_object(line) for _, line in filled]
    _refuse_none(source, text.content, objects)
    dropped_rows = DroppedRows(np.asarray([number for number, _ in filled], np.int64))
    dropped_rows.drop("not a JSON object", np.asarray([row is None for row in objects]))
    rows = [row for row in objects if row is not None]
    names = list(dict.fromkeys(name for row in rows for name in row))
    _refuse_nested(source, names, rows, options)
    return Table(
        source=source,
        format=FORMAT_WORDS["json-lines"],
        header=tuple(names),
        width=len(names),
        line=dropped_rows.line[dropped_rows.rows],
        column=lambda position: pa.array([_text(row.get(names[position])) for row in rows], pa.large_string()),
        lines=len(raw),
        blank=len(raw) - len(filled),
        encoding=text.encoding,
        dropped=dropped_rows.dropped,
        notes=text.notes,
    )


def _object(line: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _text(value: Any) -> str:
    """Numbers are text already; what is missing or null is ''."""
    if isinstance(value, str):
        # Half of a surrogate pair is valid JSON, but UTF-8 cannot hold it.
        return value.encode("utf-8", "replace").decode()
    return "" if value is None else json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode()


def _refuse_none(source: Source, content: str, objects: list[dict[str, Any] | None]) -> None:
    if any(row for row in objects):
        return
    where = f"{source}, line {line_of(content[: len(content) - len(content.lstrip())])}"
    start = content.lstrip()
    if start.startswith("["):
        advice = f"it is one list. Split it into lines with: jq -c '.[]' {source.name} > NEW.jsonl"
    elif re.match(r"\{\s*'", start):
        advice = "it is a Python dictionary. Write each with json.dumps, one a line"
    elif re.match(r"\{\s*(?:\r|\n|$)", start):
        advice = f"it is one object over several lines. Write it on one line with: jq -c . {source.name} > NEW.jsonl"
    else:
        advice = READABLE.rstrip(".")
    raise ReadError(f"{where}: not one JSON object a line: {advice}.")


def _refuse_nested(source: Source, names: list[str], rows: list[dict[str, Any]], options: ReadOptions) -> None:
    """Refuse objects whose users or items are nested: the first level would give wrong ids."""
    roles = guess_columns(names) | {role: name for role, name in options.columns.items() if name}
    for role in ("user_id", "item_id"):
        name = roles.get(role)
        if name and name in names and all(isinstance(row.get(name), dict | list) for row in rows):
            raise ReadError(
                f"{source}: {name!r} is an object or a list, not an id. Map a column of the first level, or flatten it "
                f"with: jq -c '. + {{user_id: .user.id}}' {source.name} > NEW.jsonl"
            )


def first_rows(source: Source, n: int) -> FirstRows:
    """The first n objects, a column a name; the lines themselves where none of them is an object."""
    objects = []
    beginning = first_lines(source, n)
    for line in beginning.lines:
        try:
            value = json.loads(line, parse_int=str, parse_float=str, parse_constant=str)
        except (ValueError, RecursionError):
            continue
        objects += [value] if isinstance(value, dict) else []
    if not objects:
        return beginning
    names = list(dict.fromkeys(name for value in objects for name in value))
    rows = [[_as_text(value.get(name)) for name in names] for value in objects]
    return FirstRows(source.file, names, rows, guess_columns(names))


def _as_text(value: object) -> str:
    """A value as it will be read; half of a surrogate pair is valid JSON, but no text."""
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
    return text.encode("utf-8", "replace").decode()
