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
    (b"BZh", "compressed with bzip2, which bunzip2 unpacks"),
    (b"\xfd7zXZ", "compressed with xz, which unxz unpacks"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd, which unzstd unpacks"),
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
    """A phrase for the report."""
    whole: bool
    """False where only the beginning was read."""
    notes: tuple[str, ...] = ()


def read_text(source: Source, *, encoding: str | None = None, beginning: bool = False) -> Text:
    """Decode a file: by its byte-order mark, as UTF-8, else as Windows-1252; or in the encoding of the options.

    Raises ReadError, naming the line where there is one, where it is missing, empty, binary or in another encoding.
    """
    raw, whole = source.read(_SAMPLE_BYTES if beginning else -1)
    if not raw:
        raise ReadError(f"{source} is empty. At least one row is needed.")
    kind = next((description for magic, description in _MAGIC if raw.startswith(magic)), None)
    if kind:
        raise ReadError(f"{source} is {kind}. {READABLE}")
    text = _in_encoding(source, raw, whole, encoding) if encoding else _detected(source, raw, whole)
    if not text.content.strip():
        raise ReadError(f"{source} holds only blank lines. At least one row is needed.")
    return text


def utf8_by_start(start: bytes) -> tuple[str, int] | None:
    """The encoding's name if all of a file is UTF-8, and the length of its byte-order mark, by its first bytes.

    None where they are those of another format or encoding.
    """
    if any(start.startswith(magic) for magic, _ in _MAGIC) or start[257:262] == b"ustar":
        return None
    for mark, name, label in _BOMS:
        if start.startswith(mark):
            return (label, len(mark)) if name == "utf-8-sig" else None
    return "UTF-8", 0


def n_controls(raw: bytes) -> int:
    """Control characters, which no text holds."""
    return len(raw) - len(raw.translate(None, _CONTROLS))


def is_binary(n_bytes: int, n_controls: int) -> bool:
    """Whether more than a tenth of the bytes are control characters."""
    return n_bytes - n_controls < n_bytes * 0.9


def _detected(source: Source, raw: bytes, whole: bool) -> Text:
    for mark, name, label in _BOMS:
        if raw.startswith(mark):
            return Text(_decoded(source, raw, name, whole), label, whole)
    if raw[257:262] == b"ustar":
        raise ReadError(
            f"{source} is a tar archive. Unpack it with: tar -xf {source.path.name}; then give the folder, or a file."
        )
    if b"\0" in raw or is_binary(len(raw), n_controls(raw)):
        reason = "it holds a zero byte" if b"\0" in raw else "it holds many control characters"
        raise ReadError(f"{source} is binary ({reason}). {READABLE}")
    try:
        return Text(codecs.getincrementaldecoder("utf-8")().decode(raw, final=whole), "UTF-8", whole)
    except UnicodeDecodeError as error:
        first = error
    lenient = raw.decode("utf-8", "surrogateescape")
    n_wrong = len(_NOT_UTF8.findall(lenient))
    n_right = len(lenient) - len(lenient.encode("ascii", "ignore")) - n_wrong
    before = raw[: first.start].decode("utf-8", "replace")
    nearby = raw[max(0, first.start - 10) : first.start + 10].decode("latin-1")
    where = f"{source}, line {line_of(before)}: not UTF-8 text (byte 0x{raw[first.start]:02x} in {nearby!r})"
    if n_right > n_wrong:
        raise ReadError(
            f"{where}, though most of the file is: {counted(n_wrong, 'byte')} of it are not. Correct the file, or give "
            "--encoding utf-8 to replace them, or --encoding NAME to read all of it in another encoding."
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
        return Text(content, "UTF-8, as set", whole, tuple(notes if n_wrong > 0 and whole else ()))
    return Text(_decoded(source, raw, name, whole).removeprefix("\ufeff"), f"{name}, as set", whole)


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
    """The delimiter that gives the header a user and an item column, and the rows as many fields as the header.

    `named` are column names that must occur. Raises ReadError where no delimiter occurs in the first line.
    """
    sample = "".join(re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text[:_SAMPLE_BYTES])[:_SAMPLE_LINES])
    best: tuple[tuple[int, float, bool, int], str] | None = None
    for delimiter in DELIMITER_WORDS:
        records = split_records(sample, delimiter)
        header = [name.strip() for name in records.record(0)]
        if len(header) < 2:
            continue
        n_known = sum(match_name(name, header) is not None for name in named)
        n_known += len({"user_id", "item_id", "title"} & guess_columns(header).keys())
        same_width = float(np.mean(records.widths[1:] == len(header))) if len(records) > 1 else 0.0
        # Blanks occur within titles and dates too: they are the delimiter only where no other one fits as well.
        score = (n_known, round(same_width, 2), delimiter != " ", len(header))
        if best is None or score > best[0]:
            best = (score, delimiter)
    if best is None:
        start = re.match(r"\s*", text)
        blank_lines = text[: start.end()] if start else ""
        first = text[len(blank_lines) :].splitlines()[0]
        sign = next((sign for sign in _UNUSUAL.findall(first) if re.search(rf"\w{re.escape(sign)}\w", first)), None)
        hint = f" The delimiter looks like {sign!r}." if sign else ""
        raise ReadError(
            f"{source}, line {line_of(blank_lines)}: one column: {_shortened(first)}.{hint} The delimiter must be "
            "a comma, semicolon, tab, bar, '::' or blank; give another one with --delimiter."
        )
    return best[1]


def spelled_delimiter(text: str, source: Source) -> str:
    """The delimiter meant by a word or a character: 'tab', 'blank', ';' … Raises ReadError where it cannot be one."""
    delimiter = _SPELLED.get(text.strip().casefold(), text)
    if not delimiter or any(character in delimiter for character in '"\r\n'):
        raise ReadError(
            f"{source}: {text!r} cannot be a delimiter. Use one such as ',', ';', 'tab', '|', '::' or 'blank'."
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


def is_header(first: Sequence[str], rows: Rows, named: Iterable[str] = ()) -> bool:
    """Whether `first` is a header above `rows`, a sample of the lines under it.

    It is where a column is known by name; it is not where one of its cells is a number, or looks like those under it
    (u1 above u2).
    """
    cells = [cell.strip() for cell in first]
    # A number among the `named` is the number of a column of a file without a header; in the data it may be an id.
    if any(match_name(name, cells) is not None for name in named if not name.isdecimal()):
        return True
    guess = guess_columns(cells)
    if {"user_id", "item_id"} <= guess.keys() or {"item_id", "title"} <= guess.keys():
        return True
    has_number = any(map(_NUMBER.fullmatch, cells)) or not all(cells)
    if guess and not _NUMBER.fullmatch(cells[0]):
        return True
    return not (has_number or _looks_like_rows(cells, rows))


def _looks_like_rows(cells: list[str], rows: Rows) -> bool:
    for position, cell in enumerate(cells):
        if not re.search(r"\d", cell):
            continue
        below = [row[position].strip() for row in rows if len(row) > position]
        if not below or _digit_pattern(cell) in map(_digit_pattern, below):
            return True
    return False


def _digit_pattern(cell: str) -> str:
    """u17 and u2 -> u9."""
    return re.sub(r"\d+", "9", cell.casefold())


def roles_by_position(rows: Rows) -> dict[str, str]:
    """Role -> column number for rows of interactions without a header: user, item, then a rating and a time.

    Empty where the columns do not show their roles and must be mapped.
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
            if position == 2:  # text where a rating is usual: these may not be interactions
                return {}
            continue
        roles.setdefault(role, str(position + 1))
    return roles


def title_by_position(rows: Rows) -> dict[str, str]:
    """Role -> column number for rows that name items, without a header: id, title and genres, which bars separate."""
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
"""Rows under the first line by which a header and the roles of columns are detected."""
_RAGGED = 0.2  # more lines of another length than this are not broken rows
Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Layout:
    """Delimiter, header and width of the rows of a file."""

    delimiter: str
    header: tuple[str, ...] | None
    width: int
    """Fields of a well-formed row."""
    guess: Mapping[str, str] | None
    """Role -> column number where the position shows the roles; None to guess by names."""
    line: int
    """Line of the header, or of the first row."""
    may_be_lists: bool
    """The delimiter is a blank and no column is known by name: where lengths differ much, these are lists of items."""

    @property
    def has_header(self) -> bool:
        """Whether the first record names the columns."""
        return self.header is not None

    @property
    def names(self) -> list[str]:
        """Names of the columns; their numbers from 1 where no header names them."""
        if self.header is None:
            return [str(number) for number in range(1, self.width + 1)]
        return [name.strip() for name in self.header]

    @property
    def width_reason(self) -> str:
        """The reason why a record of another width is dropped."""
        kind = "header's" if self.has_header else "usual"
        return f"not the {kind} {self.width} fields"

    def is_ragged(self, width_counts: Int64s) -> bool:
        """Whether so many records have another width that these are rather lists; counts by width."""
        rows = int(width_counts.sum())
        return self.may_be_lists and rows - int(width_counts[self.width]) > _RAGGED * rows


def detect_layout(
    content: str, source: Source, options: ReadOptions, *, titles: bool = False
) -> tuple[Layout, Records]:
    """The layout of a text, or of the beginning of one, and its records. Raises ReadError naming file and line."""
    columns = (options.titles_key, options.columns.get("title")) if titles else options.columns.values()
    named = [name for name in columns if name]
    delimiter = (
        detect_delimiter(content, source, named)
        if options.delimiter is None
        else spelled_delimiter(options.delimiter, source)
    )
    records = split_records(content, delimiter)
    sample = [records.record(row) for row in range(min(len(records), SAMPLE + 1))]
    has_header = is_header(sample[0], sample[1:], named) if options.header is None else options.header
    if has_header and len(records) == 1:
        raise ReadError(f"{source} holds a header and no row. At least one row under it is needed.")
    width = len(sample[0]) if has_header else int(np.bincount(records.widths).argmax())
    rows_of = title_by_position if titles else roles_by_position
    layout = Layout(
        delimiter=delimiter,
        header=tuple(sample[0]) if has_header else None,
        width=width,
        guess=None if has_header else rows_of([row for row in sample if len(row) == width]),
        line=int(records.line[0]),
        may_be_lists=delimiter == " " and not named and (not has_header or not guess_columns(sample[0])),
    )
    return layout, records


def refuse_lists(source: Source, line: int, shortest: int, longest: int) -> ReadError:
    """The error for lists of items that are read as rows."""
    return ReadError(
        f"{source}, line {line}: lines of {shortest} to {longest} fields with blanks as the delimiter, and no header "
        "that names a user and an item. Give --format adjacency to read lists of a user and then its items."
    )


def format_words(name: str, header: tuple[str, ...]) -> str:
    """The name of a delimited format, by the file's name and header."""
    lower = name.lower()
    if any(cell.rstrip().endswith((":token", ":float", ":token_seq", ":float_seq")) for cell in header):
        return "RecBole atomic file"
    if lower.endswith(".rating"):
        return "NCF rating file"
    if lower in ("u.data", "u.item", "ratings.dat", "movies.dat", "ratings.csv", "movies.csv"):
        return f"MovieLens {lower}"
    return "delimited text"


@dataclass(slots=True)
class LineCounts:
    """Counts of lines and of fields with unusual quotes, for a file or its chunks."""

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
        """The counts as notes of the report."""
        notes = []
        if format_words("", layout.header or ()) == "RecBole atomic file" and layout.delimiter != "\t":
            notes.append(
                "RecBole's atomic files have tabs as delimiter, this one has not; it was read with its own delimiter"
            )
        if self.continuation:
            notes.append(
                f"{counted(self.continuation, 'line')} within a quoted field that began above "
                f"(the first: line {self.first_continuation})"
            )
        if self.plain_quotes:
            notes.append(
                f"{counted(self.plain_quotes, 'field')} beginning with a quote that does not enclose it, kept "
                f"unchanged (the first: line {self.first_plain_quote})"
            )
        if self.escaped:
            notes.append(f"{counted(self.escaped, 'quoted field')} with backslashes before quotes, which were removed")
        return notes
