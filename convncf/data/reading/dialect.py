"""Which text a file holds and what divides its fields."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from convncf.data.reading.columns import guess_columns, match_name
from convncf.data.reading.records import split_records
from convncf.data.reading.report import DELIMITER_WORDS
from convncf.errors import ReadError

DELIMITERS = (",", ";", "\t", "|", "::", " ")

_SPELLED = {word: delimiter for delimiter, word in DELIMITER_WORDS.items()} | {
    "\\t": "\t",
    "space": " ",
    "pipe": "|",
    "colons": "::",
}
_BOM = b"\xef\xbb\xbf"
_SAMPLE_LINES = 200
_SAMPLE_BYTES = 256 * 1024
_MAGIC = (
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook"),
    (b"\x1f\x8b", "compressed with gzip"),
    (b"PAR1", "a Parquet file"),
    (b"%PDF", "a PDF document"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
)


@dataclass(frozen=True, slots=True)
class Text:
    """The content of a file, decoded."""

    content: str
    encoding: str
    """In words, for the report."""
    whole: bool
    """False where only the beginning was read."""


def read_text(path: Path, *, beginning: bool = False) -> Text:
    """Decode a file of UTF-8 text, with or without a byte-order mark.

    Raises ReadError naming the line where it is missing, empty, binary or in another encoding.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(_SAMPLE_BYTES if beginning else -1)
            whole = not beginning or not stream.read(1)
    except FileNotFoundError:
        raise ReadError(f"{path} does not exist. Check the path.") from None
    except IsADirectoryError:
        raise ReadError(f"{path} is a folder. Give a file in it.") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise ReadError(f"{path} cannot be read: {error}.") from None
    if not raw:
        raise ReadError(f"{path} is empty. A header line and at least one row are needed.")
    _refuse_binary(path, raw)
    encoding = "UTF-8 with byte-order mark" if raw.startswith(_BOM) else "UTF-8"
    raw = raw.removeprefix(_BOM)
    try:
        content = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        if whole or error.end < len(raw) or error.reason != "unexpected end of data":
            raise ReadError(_not_utf8(path, raw, error)) from None
        content = raw[: error.start].decode("utf-8")  # the beginning ends within a character
    if not content.strip():
        raise ReadError(f"{path} holds only blank lines. A header line and at least one row are needed.")
    return Text(content, encoding, whole)


def detect_delimiter(text: str, path: Path, named: Iterable[str] = ()) -> str:
    """What divides the header into a user and an item column, and the rows into as many fields as the header.

    `named` are column names that must be found. Raises ReadError where nothing divides the header.
    """
    sample = "".join(re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text[:_SAMPLE_BYTES])[:_SAMPLE_LINES])
    best: tuple[tuple[int, float, int], str] | None = None
    for delimiter in DELIMITERS:
        records = split_records(sample, delimiter)
        header = [name.strip() for name in records.record(0)]
        if len(header) < 2:
            continue
        known = sum(match_name(name, header) is not None for name in named)
        known += len({"user_id", "item_id"} & guess_columns(header).keys())
        alike = float(np.mean(records.widths[1:] == len(header))) if len(records) > 1 else 0.0
        score = (known, round(alike, 2), len(header))
        if best is None or score > best[0]:
            best = (score, delimiter)
    if best is None:
        start = re.match(r"\s*", text)
        skipped = text[: start.end()] if start else ""
        first = text[len(skipped) :].splitlines()[0]
        raise ReadError(
            f"{path}, line {line_of(skipped)}: one column: {_shortened(first)}. Columns must be divided by a "
            "comma, semicolon, tab, bar, '::' or blank; another delimiter can be given with --delimiter."
        )
    return best[1]


def spelled_delimiter(given: str, path: Path) -> str:
    """The delimiter meant by a word or a character: 'tab', 'blank', ';' … Raises ReadError where it cannot be one."""
    delimiter = _SPELLED.get(given.strip().casefold(), given)
    if not delimiter or any(character in delimiter for character in '"\r\n'):
        raise ReadError(
            f"{path}: {given!r} cannot be a delimiter. Use one such as ',', ';', 'tab', '|', '::' or 'blank'."
        )
    return " " if not delimiter.strip(" ") else delimiter


def line_of(content: str) -> int:
    """The physical line on which the text after `content` begins."""
    return 1 + len(re.findall(r"\r\n|\r|\n", content))


def _refuse_binary(path: Path, raw: bytes) -> None:
    kind = next((words for magic, words in _MAGIC if raw.startswith(magic)), None)
    if kind is None and b"\0" in raw:
        kind = "binary (it holds a zero byte)"
    if kind:
        raise ReadError(f"{path} is {kind}. Export it as delimited text in UTF-8, such as CSV, and read that.")


def _not_utf8(path: Path, raw: bytes, error: UnicodeDecodeError) -> str:
    before = raw[: error.start].decode("utf-8")
    wrong = raw[error.start]
    near = raw[max(0, error.start - 10) : error.start + 10].decode("latin-1")
    return (
        f"{path}, line {line_of(before)}: not UTF-8 text (byte 0x{wrong:02x} in {near!r}, read here as latin-1). "
        "Save the file as UTF-8, for example: iconv -f latin1 -t utf-8 FILE > NEW"
    )


def _shortened(line: str) -> str:
    return repr(line if len(line) <= 80 else line[:80] + "…")
