"""Which text a file holds and what divides its fields."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from convncf.data.reading.columns import guess_columns, match_name
from convncf.data.reading.options import READABLE, known_encoding
from convncf.data.reading.records import split_records
from convncf.data.reading.report import DELIMITER_WORDS, counted
from convncf.data.reading.sources import Source
from convncf.errors import ReadError

DELIMITERS = (",", ";", "\t", "|", "::", " ")

_SPELLED = {word: delimiter for delimiter, word in DELIMITER_WORDS.items()} | {
    "\\t": "\t",
    "space": " ",
    "pipe": "|",
    "colons": "::",
}
_SAMPLE_LINES = 200
_SAMPLE_BYTES = 256 * 1024
_MAGIC = (
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook"),
    (b"\x1f\x8b", "compressed with gzip, twice"),
    (b"PAR1", "a Parquet file"),
    (b"%PDF", "a PDF document"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"BZh", "compressed with bzip2, which bunzip2 undoes"),
    (b"\xfd7zXZ", "compressed with xz, which unxz undoes"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd, which unzstd undoes"),
    (b"SQLite format 3", "an SQLite database"),
)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8 with byte-order mark"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1a\x1c\x1d\x1e\x1f"))
_UNUSUAL = re.compile(r"[^\w\s.:'\"<>/()-]+")
_NOT_UTF8 = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class Text:
    """The content of a file, decoded."""

    content: str
    encoding: str
    """In words, for the report."""
    whole: bool
    """False where only the beginning was read."""
    notes: tuple[str, ...] = ()


def read_text(source: Source, *, encoding: str | None = None, beginning: bool = False) -> Text:
    """Decode a file: by its byte-order mark, as UTF-8, else as Windows-1252; or in the encoding that is given.

    Raises ReadError, naming the line where there is one, where it is missing, empty, binary or in another encoding.
    """
    raw, whole = source.read(_SAMPLE_BYTES if beginning else -1)
    if not raw:
        raise ReadError(f"{source} is empty. At least one row is needed.")
    kind = next((words for magic, words in _MAGIC if raw.startswith(magic)), None)
    if kind:
        raise ReadError(f"{source} is {kind}. {READABLE}")
    text = _in_encoding(source, raw, whole, encoding) if encoding else _detected(source, raw, whole)
    if not text.content.strip():
        raise ReadError(f"{source} holds only blank lines. At least one row is needed.")
    return text


def plain_utf8(start: bytes) -> tuple[str, int] | None:
    """What a file that begins so is called if all of it is UTF-8, and the length of its byte-order mark.

    None where it begins as something else.
    """
    if any(start.startswith(magic) for magic, _ in _MAGIC) or start[257:262] == b"ustar":
        return None
    for mark, name, words in _BOMS:
        if start.startswith(mark):
            return (words, len(mark)) if name == "utf-8-sig" else None
    return "UTF-8", 0


def n_controls(raw: bytes) -> int:
    """Bytes that no text holds."""
    return len(raw) - len(raw.translate(None, _CONTROLS))


def is_binary(n_bytes: int, n_controls: int) -> bool:
    """Whether so many of the bytes are of those that no text holds, that it is none."""
    return n_bytes - n_controls < n_bytes * 0.9


def _detected(source: Source, raw: bytes, whole: bool) -> Text:
    for mark, name, words in _BOMS:
        if raw.startswith(mark):
            return Text(_decoded(source, raw, name, whole), words, whole)
    if raw[257:262] == b"ustar":
        raise ReadError(
            f"{source} is a tar archive. Unpack it with: tar -xf {source.path.name}; then give the folder, or a file."
        )
    if b"\0" in raw or is_binary(len(raw), n_controls(raw)):
        what = "it holds a zero byte" if b"\0" in raw else "it holds many control characters"
        raise ReadError(f"{source} is binary ({what}). {READABLE}")
    try:
        return Text(codecs.getincrementaldecoder("utf-8")().decode(raw, final=whole), "UTF-8", whole)
    except UnicodeDecodeError as error:
        first = error
    lenient = raw.decode("utf-8", "surrogateescape")
    n_wrong = len(_NOT_UTF8.findall(lenient))
    n_right = len(lenient) - len(lenient.encode("ascii", "ignore")) - n_wrong
    before = raw[: first.start].decode("utf-8", "replace")
    near = raw[max(0, first.start - 10) : first.start + 10].decode("latin-1")
    where = f"{source}, line {line_of(before)}: not UTF-8 text (byte 0x{raw[first.start]:02x} in {near!r})"
    if n_right > n_wrong:
        raise ReadError(
            f"{where}, though most of the file is: {counted(n_wrong, 'byte')} of it cannot be. Mend it, or have them "
            "replaced with --encoding utf-8, or read all of it in another encoding with --encoding NAME."
        )
    if not any(0x80 <= byte < 0xA0 for byte in set(raw)):
        return Text(raw.decode("latin-1"), "latin-1", whole, (_guessed("latin-1"),))
    try:
        return Text(raw.decode("cp1252"), "Windows-1252", whole, (_guessed("Windows-1252"),))
    except UnicodeDecodeError:
        raise ReadError(f"{where}, nor is it Windows-1252. Name its encoding with --encoding NAME.") from None


def _guessed(name: str) -> str:
    return f"the file is not UTF-8, so it was read as {name}; --encoding NAME reads it in another encoding"


def _in_encoding(source: Source, raw: bytes, whole: bool, encoding: str) -> Text:
    name = known_encoding(encoding)
    if name == "utf-8":
        content = raw.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")
        n_wrong = content.count("�") - raw.count("�".encode())
        line = line_of(content[: content.find("�")])
        notes = [f"{counted(n_wrong, 'byte')} that are not UTF-8 replaced by � (the first: line {line})"]
        return Text(content, "UTF-8, as asked", whole, tuple(notes if n_wrong > 0 and whole else ()))
    return Text(_decoded(source, raw, name, whole).removeprefix("\ufeff"), f"{name}, as asked", whole)


def _decoded(source: Source, raw: bytes, name: str, whole: bool) -> str:
    try:
        return codecs.getincrementaldecoder(name)().decode(raw, final=whole)
    except UnicodeError as error:
        before = raw[: getattr(error, "start", 0)].decode(name, "replace")
        raise ReadError(
            f"{source}, line {line_of(before)}: not {name} text ({getattr(error, 'reason', error)}). "
            "Name its encoding with --encoding NAME."
        ) from None


def detect_delimiter(text: str, source: Source, named: Iterable[str] = ()) -> str:
    """What divides the header into a user and an item column, and the rows into as many fields as the header.

    `named` are column names that must be found. Raises ReadError where nothing divides the first line.
    """
    sample = "".join(re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text[:_SAMPLE_BYTES])[:_SAMPLE_LINES])
    best: tuple[tuple[int, float, bool, int], str] | None = None
    for delimiter in DELIMITERS:
        records = split_records(sample, delimiter)
        header = [name.strip() for name in records.record(0)]
        if len(header) < 2:
            continue
        known = sum(match_name(name, header) is not None for name in named)
        known += len({"user_id", "item_id", "title"} & guess_columns(header).keys())
        alike = float(np.mean(records.widths[1:] == len(header))) if len(records) > 1 else 0.0
        # Blanks stand within titles and dates too: they divide only where nothing else does as well.
        score = (known, round(alike, 2), delimiter != " ", len(header))
        if best is None or score > best[0]:
            best = (score, delimiter)
    if best is None:
        start = re.match(r"\s*", text)
        skipped = text[: start.end()] if start else ""
        first = text[len(skipped) :].splitlines()[0]
        sign = next((sign for sign in _UNUSUAL.findall(first) if re.search(rf"\w{re.escape(sign)}\w", first)), None)
        looks = f" The delimiter looks like {sign!r}." if sign else ""
        raise ReadError(
            f"{source}, line {line_of(skipped)}: one column: {_shortened(first)}.{looks} Columns must be divided by a "
            "comma, semicolon, tab, bar, '::' or blank; another delimiter can be given with --delimiter."
        )
    return best[1]


def spelled_delimiter(given: str, source: Source) -> str:
    """The delimiter meant by a word or a character: 'tab', 'blank', ';' … Raises ReadError where it cannot be one."""
    delimiter = _SPELLED.get(given.strip().casefold(), given)
    if not delimiter or any(character in delimiter for character in '"\r\n'):
        raise ReadError(
            f"{source}: {given!r} cannot be a delimiter. Use one such as ',', ';', 'tab', '|', '::' or 'blank'."
        )
    return " " if not delimiter.strip(" ") else delimiter


def line_of(content: str) -> int:
    """The physical line on which the text after `content` begins."""
    return 1 + len(re.findall(r"\r\n|\r|\n", content))


def _shortened(line: str) -> str:
    return repr(line if len(line) <= 80 else line[:80] + "…")
