"""The dialect of delimited text: encoding, delimiter, header, and which column is which."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convncf.data.formats import DELIMITER_WORDS
from convncf.data.reading.columns import guess_columns, match_name
from convncf.data.reading.options import READABLE, ReadOptions, known_encoding
from convncf.data.reading.records import Records, split_records
from convncf.data.reading.report import counted
from convncf.data.reading.sources import Source
from convncf.errors import ReadError

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
    for delimiter in DELIMITER_WORDS:
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


_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_INTEGER = re.compile(r"\d+(\.0*)?")
_DATE = re.compile(r"(\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d{1,2}([./-])\d{1,2}\2\d{4})(,?[T ].*)?")
_EXPONENT = re.compile(r"\d+(\.\d*)?[eE]\+?\d{1,2}")
_EARLIEST_COUNT = 10**8  # seconds since 1970 are larger from 1973 on; ratings are not
_MOST = 0.9
Rows = Sequence[Sequence[str]]


def names_columns(first: Sequence[str], rows: Rows, named: Iterable[str] = ()) -> bool:
    """Whether `first` is a header above `rows`, a sample of the lines under it.

    It is, where a column of it is known by name; it is not, where one of its cells is a number, or looks like those
    under it (u1 above u2).
    """
    cells = [cell.strip() for cell in first]
    # A number among the `named` is a column's number: of a file without a header, in which it may stand as an id.
    if any(match_name(name, cells) is not None for name in named if not name.isdecimal()):
        return True
    known = guess_columns(cells)
    if {"user_id", "item_id"} <= known.keys() or {"item_id", "title"} <= known.keys():
        return True
    has_number = any(map(_NUMBER.fullmatch, cells)) or not all(cells)
    if known and not _NUMBER.fullmatch(cells[0]):
        return True
    return not (has_number or _alike(cells, rows))


def _alike(cells: list[str], rows: Rows) -> bool:
    for position, cell in enumerate(cells):
        if not re.search(r"\d", cell):
            continue
        below = [row[position].strip() for row in rows if len(row) > position]
        if not below or _shape(cell) in map(_shape, below):
            return True
    return False


def _shape(cell: str) -> str:
    """u17 and u2 -> u9."""
    return re.sub(r"\d+", "9", cell.casefold())


def roles_by_position(rows: Rows) -> dict[str, str]:
    """Role -> column number for rows of interactions without a header: user, item, then a rating and a time.

    Empty where the columns do not tell, so that they must be mapped.
    """
    width = max(map(len, rows), default=0)
    columns = [[row[position].strip() for row in rows if len(row) > position] for position in range(width)]
    if width < 2 or any(_mostly(_DATE.fullmatch, ids) or _mostly(_has_decimals, ids) for ids in columns[:2]):
        return {}
    if any(_mostly(_is_recent, ids) for ids in columns[:2]) and not any(_mostly(_is_time, c) for c in columns[2:]):
        return {}  # a time where an id is usual
    roles = {"user_id": "1", "item_id": "2"}
    for position in range(2, width):
        role = "timestamp" if _mostly(_is_time, columns[position]) else "rating"
        if role == "rating" and not _mostly(_NUMBER.fullmatch, columns[position]):
            if position == 2:  # a word where a rating is usual: these may be no interactions at all
                return {}
            continue
        roles.setdefault(role, str(position + 1))
    return roles


def title_by_position(rows: Rows) -> dict[str, str]:
    """Role -> column number for rows that name items, without a header: id, title and, divided by bars, genres."""
    width = max(map(len, rows), default=0)
    if width < 2:
        return {}
    roles = {"item_id": "1", "title": "2"}
    if width == 3 and any("|" in row[2] for row in rows if len(row) == 3):
        roles["genres"] = "3"
    if width == 24:  # MovieLens' u.item: id, title, date, video date, address, 19 flags
        roles["year"] = "3"
    return roles


def _mostly(test: Callable[[str], object], cells: Sequence[str]) -> bool:
    filled = [cell for cell in cells if cell]
    return bool(filled) and sum(bool(test(cell)) for cell in filled) >= _MOST * len(filled)


def _is_time(cell: str) -> bool:
    if _DATE.fullmatch(cell):
        return True
    number = _INTEGER.fullmatch(cell) or _EXPONENT.fullmatch(cell)
    return bool(number) and len(cell) <= 20 and float(cell) >= _EARLIEST_COUNT


def _is_recent(cell: str) -> bool:
    """A count of seconds between 1985 and 2033: likelier a time than an id."""
    return bool(_INTEGER.fullmatch(cell)) and len(cell) == 10 and 5e8 <= float(cell) <= 2e9


def _has_decimals(cell: str) -> bool:
    return bool(re.fullmatch(r"\d+[.,]\d*[1-9]\d*", cell))


SAMPLE = 500
"""Rows under the first line to tell a header and the roles of columns by."""
_RAGGED = 0.2  # so many lines of another length are no broken rows
Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Layout:
    """What all rows have in common."""

    delimiter: str
    header: tuple[str, ...] | None
    width: int
    """Fields of a well-formed row."""
    guess: Mapping[str, str] | None
    """Role -> column number where position tells the roles; None to guess by names."""
    line: int
    """Where the header stands, or the first row."""
    may_be_lists: bool
    """Divided by blanks with no column known by name: where lengths differ much, these are lists of items."""

    @property
    def headed(self) -> bool:
        """Whether the first record names the columns."""
        return self.header is not None

    @property
    def names(self) -> list[str]:
        """Names of the columns; their numbers from 1 where no header names them."""
        if self.header is None:
            return [str(number) for number in range(1, self.width + 1)]
        return [name.strip() for name in self.header]

    @property
    def wanted_fields(self) -> str:
        """Why a record of another width is no row."""
        whose = "header's" if self.headed else "usual"
        return f"not the {whose} {self.width} fields"

    def ragged(self, width_counts: Int64s) -> bool:
        """Whether so many records have another width that these are rather lists; counts by width."""
        rows = int(width_counts.sum())
        return self.may_be_lists and rows - int(width_counts[self.width]) > _RAGGED * rows


def lay_out(content: str, source: Source, options: ReadOptions, *, titles: bool = False) -> tuple[Layout, Records]:
    """The layout of a text, or of the beginning of one, and its records. Raises ReadError naming file and line."""
    asked = (options.titles_key, options.columns.get("title")) if titles else options.columns.values()
    named = [name for name in asked if name]
    divider = (
        detect_delimiter(content, source, named)
        if options.delimiter is None
        else spelled_delimiter(options.delimiter, source)
    )
    records = split_records(content, divider)
    sample = [records.record(row) for row in range(min(len(records), SAMPLE + 1))]
    headed = names_columns(sample[0], sample[1:], named) if options.header is None else options.header
    if headed and len(records) == 1:
        raise ReadError(f"{source} holds a header and no row. At least one row under it is needed.")
    width = len(sample[0]) if headed else int(np.bincount(records.widths).argmax())
    rows_of = title_by_position if titles else roles_by_position
    layout = Layout(
        delimiter=divider,
        header=tuple(sample[0]) if headed else None,
        width=width,
        guess=None if headed else rows_of([row for row in sample if len(row) == width]),
        line=int(records.line[0]),
        may_be_lists=divider == " " and not named and (not headed or not guess_columns(sample[0])),
    )
    return layout, records


def refuse_lists(source: Source, line: int, shortest: int, longest: int) -> ReadError:
    """The error for lists of items that are read as rows."""
    return ReadError(
        f"{source}, line {line}: lines of {shortest} to {longest} fields divided by blanks, and no header that names a "
        "user and an item. Lists of a user and then its items are read with --format adjacency."
    )


def format_words(name: str, header: tuple[str, ...]) -> str:
    """What a file of delimited text is known as, by its name and header."""
    lower = name.lower()
    if any(cell.rstrip().endswith((":token", ":float", ":token_seq", ":float_seq")) for cell in header):
        return "RecBole atomic file"
    if lower.endswith(".rating"):
        return "NCF rating file"
    if lower in ("u.data", "u.item", "ratings.dat", "movies.dat", "ratings.csv", "movies.csv"):
        return f"MovieLens {lower}"
    return "delimited text"


@dataclass(slots=True)
class Oddities:
    """What is to be said of quotes and lines, for a file or the pieces of one."""

    lines: int = 0
    blank: int = 0
    continuation: int = 0
    first_continuation: int | None = None
    plain_quotes: int = 0
    first_plain_quote: int | None = None
    escaped: int = 0

    def add(self, records: Records) -> None:
        """The next records of the file, whose lines begin after those that are counted already."""
        if self.first_continuation is None and records.first_continuation is not None:
            self.first_continuation = self.lines + records.first_continuation
        if self.first_plain_quote is None and records.first_plain_quote is not None:
            self.first_plain_quote = self.lines + records.first_plain_quote
        self.lines += records.lines
        self.blank += records.blank
        self.continuation += records.continuation
        self.plain_quotes += records.plain_quotes
        self.escaped += records.escaped

    def notes(self, layout: Layout) -> list[str]:
        """In words."""
        notes = []
        if format_words("", layout.header or ()) == "RecBole atomic file" and layout.delimiter != "\t":
            notes.append("RecBole's atomic files are divided by tabs, this one is not; it was read as it stands")
        if self.continuation:
            notes.append(
                f"{counted(self.continuation, 'line')} within a quoted field that began above "
                f"(the first: line {self.first_continuation})"
            )
        if self.plain_quotes:
            notes.append(
                f"{counted(self.plain_quotes, 'field')} beginning with a quote that does not enclose it, kept as it "
                f"stands (the first: line {self.first_plain_quote})"
            )
        if self.escaped:
            notes.append(
                f"{counted(self.escaped, 'quoted field')} with backslashes before quotes, which were taken off"
            )
        return notes
