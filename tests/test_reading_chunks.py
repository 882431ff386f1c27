"""A file read in chunks says to the letter what the careful reader says of the whole."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convncf.data.reading import chunks, delimited
from convncf.data.reading.api import read
from convncf.data.reading.chunks import ChunkSizes, NeedsWholeFileError, read_in_chunks
from convncf.data.reading.options import ReadOptions
from convncf.data.reading.sources import Source
from convncf.data.reading.tables import Table
from convncf.errors import ReadError
from tests.written import dropped, rows, write

HEADER = {",": "user,item,rating,time\n", "\t": "user\titem\trating\ttime\n", "::": "", " ": "user item rating time\n"}


def beginning(delimiter: str, n: int = 520) -> str:
    """Regular rows, more than the sample by which header and columns are told."""
    lines = (delimiter.join((f"u{r % 90}", str(r), "3.5", str(10**9 + r))) + "\n" for r in range(n))
    return HEADER.get(delimiter, "") + "".join(lines)


def sizes_for(start: str, chunk: int = 40) -> ChunkSizes:
    """The head is the regular beginning, the chunks after it are small."""
    return ChunkSizes(small=1, head=len(start.encode()), chunk=chunk)


def both(path: Path, sizes: ChunkSizes, options: ReadOptions) -> tuple[list[object], list[object], bool]:
    """What the file holds read in chunks and as a whole, or the refusals; and whether chunks sufficed."""
    found: list[list[object]] = []
    used: list[bool] = []

    def in_chunks(source: Source, given: ReadOptions) -> Table | None:
        try:
            table = read_in_chunks(source, given, sizes)
        except NeedsWholeFileError:
            table = None
        used.append(table is not None)
        return table

    for reader in (in_chunks, lambda source, given: None):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(delimited, "read_in_chunks", reader)
            try:
                result = read(path, options)
                found.append([rows(result), result.report.to_json(), result.interactions.fingerprint])
            except ReadError as error:
                found.append([str(error)])
    return found[0], found[1], used == [True]


FIELD = st.text(st.sampled_from('01279.,;:|\t "éu-x\\'), max_size=4)
REGULAR = st.sampled_from(
    ["u1", "u2", "7", "007", "3", "5.0", "2,5", "", "1000000005", "0", "NA", "+4", "0x1F", "é", " 9"]
)
QUOTED = st.one_of(REGULAR.map(lambda text: f'"{text}"'), st.sampled_from(['"a""b"', '"a\nb"', '"', '""', '"x', 'y"']))
LINE_END = st.sampled_from(["\n"] * 6 + ["\r\n", "\r", "\n\n", "\n \n", "\n\t\n"])


@st.composite
def tails(draw: st.DrawFn, delimiter: str) -> str:
    """Lines as they come, most of them of four fields."""
    kind = draw(st.sampled_from([REGULAR, st.one_of(REGULAR, QUOTED), st.one_of(REGULAR, FIELD)]))
    width = st.sampled_from([4] * 9 + [1, 2, 3, 5])
    fields = width.flatmap(lambda n: st.lists(kind, min_size=n, max_size=n))
    lines = draw(st.lists(st.tuples(fields, LINE_END), max_size=14))
    return "".join(delimiter.join(row) + end for row, end in lines)


@given(data=st.data(), delimiter=st.sampled_from([",", "\t", "::", " "]), chunk=st.sampled_from([1, 25, 60, 400]))
def test_blocks_and_the_whole_say_the_same(tmp_path: Path, data: st.DataObject, delimiter: str, chunk: int) -> None:
    start = beginning(delimiter)
    content = (start + data.draw(tails(delimiter))).encode()
    (path,) = write(tmp_path, {"x.csv": content})
    in_chunks, whole, _ = both(path, sizes_for(start, chunk), ReadOptions(delimiter=delimiter))
    assert in_chunks == whole


@given(tail=st.binary(max_size=80), mark=st.sampled_from([b"", b"\xef\xbb\xbf"]))
def test_any_bytes_after_a_regular_beginning(tmp_path: Path, tail: bytes, mark: bytes) -> None:
    start = beginning(",")
    (path,) = write(tmp_path, {"x.csv": mark + start.encode() + tail})
    in_chunks, whole, _ = both(path, sizes_for(start), ReadOptions())
    assert in_chunks == whole


# ---------------------------------------------------------------- what must be read in chunks, and is


SUFFICES = {
    "plain": "u1,900,4,1000000001\n" * 3,
    "broken lines": "u1,901\nu1,902,3,1000000002,5\nu1,903,4,1000000003\n" * 3,
    "blank lines": "\n \nu1,904,4,1000000004\n\n",
    "windows line ends": "u1,905,4,1000000005\r\nu2,906,4,1000000005\r\n",
    "quoted fields": '"u1","907","4","1000000006"\n' * 3,
    "quoted line ends": '"u1\n\n","908","4","1000000006"\n' * 5,
    "doubled quotes": '"u""1",909,4,1000000006\n',
    "other letters": "ü1,910,4,1000000007\n",
    "zeros before ids": "u1,007,4,1000000008\nu1,7,4,1000000008\n",
    "a header in the middle": "user,item,rating,time\nu1,911,4,1000000009\n",
    "times of another form": "u1,912,4,2001-09-09 01:46:50\nu1,913,4,\nu1,914,4,1000000009.5\n",
    "no number": "u1,915,good,1000000010\nu1,,4,1000000010\n",
    "no line end at the end": "u1,916,4,1000000011",
    "a byte-order mark in the middle": "\ufeffuser,item,rating,time\nu1,917,4,1000000012\n",
    "latin-1": "\xfc1,918,4,1000000013\n\xfc2,919,3,1000000013\n",
    "hexadecimal and signs": "0x10,+5,+4,+1000000014\n 12 , 13 ,-1,1000000014\n",
}


@pytest.mark.parametrize("kind", SUFFICES)
@pytest.mark.parametrize("chunk", [1, 30, 10_000])
def test_what_large_files_hold_is_read_in_chunks(tmp_path: Path, kind: str, chunk: int) -> None:
    start = beginning(",")
    content = (start + SUFFICES[kind]).encode("latin-1" if kind == "latin-1" else "utf-8")
    (path,) = write(tmp_path, {"x.csv": content})
    in_chunks, whole, sufficed = both(path, sizes_for(start, chunk), ReadOptions())
    assert in_chunks == whole
    longer_than_a_block = (chunk, kind) == (1, "quoted line ends")  # then the whole is read, to the same result
    assert sufficed or longer_than_a_block


ONLY_WHOLE = {
    "a quote that is never closed": '"u1,920,4,1000000015\n' + "u1,921,4,1000000015\n" * 5,
    "quotes written with a backslash": '"u \\" 1",922,4,1000000016\nu1,923,4,1000000016\n',
    "a zero byte": "u\0,924,4,1000000017\n",
}


@pytest.mark.parametrize("kind", ONLY_WHOLE)
def test_what_only_the_whole_can_tell_is_left_to_the_careful_reader(tmp_path: Path, kind: str) -> None:
    start = beginning(",")
    content = (start + ONLY_WHOLE[kind]).encode()
    (path,) = write(tmp_path, {"x.csv": content})
    in_chunks, whole, sufficed = both(path, sizes_for(start), ReadOptions())
    assert in_chunks == whole
    assert not sufficed


@pytest.mark.parametrize(
    ("delimiter", "tail", "why"),
    [
        (
            ",",
            '"u1,920,4,1000000015\n' + "u1,921,4,1000000015\n" * 5,
            "is not closed",
        ),
        (",", '"u \\" 1",922,4,1000000016\nu1,923,4,1000000016\n', "a backslash"),
    ],
)
def test_a_large_file_that_is_read_slowly_says_so_and_why(tmp_path: Path, delimiter: str, tail: str, why: str) -> None:
    start = beginning(delimiter)
    (path,) = write(tmp_path, {"x.tsv": start + tail})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "ChunkSizes", lambda: sizes_for(start))
        notes = read(path).report.notes
    assert any("x.tsv" in note and why in note for note in notes)


def test_a_beginning_that_is_no_table_is_refused_at_once(tmp_path: Path) -> None:
    (path,) = write(tmp_path, {"x.csv": "oneword\n" * 600})
    with pytest.raises(ReadError, match=r"line 1: .*'oneword'"):
        read_in_chunks(Source(path), ReadOptions(), ChunkSizes(small=1, head=8 * 550, chunk=40))


def test_the_usual_width_is_that_of_the_whole_file(tmp_path: Path) -> None:
    start = "".join(f"u{r}\ti{r}\t4\n" for r in range(520))
    content = (start + "".join(f"u{r}\ti{r}\n" for r in range(900))).encode()
    (path,) = write(tmp_path, {"x.tsv": content})
    in_chunks, whole, sufficed = both(path, sizes_for(start), ReadOptions())
    assert in_chunks == whole
    assert not sufficed


def test_lines_are_numbered_across_blocks(tmp_path: Path) -> None:
    start = beginning(",")  # 521 lines
    tail = "".join(f"u1,{2000 + n},4,1000000001\n" if n % 4 else "broken\n" for n in range(40))
    (path,) = write(tmp_path, {"x.csv": start + tail})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "ChunkSizes", lambda: sizes_for(start, 64))
        result = read(path)
    assert dropped(result) == {"not the header's 4 fields": (10, (522, 526, 530, 534, 538))}
    assert (result.report.lines, result.report.rows, result.report.kept) == (561, 560, 550)


def test_ids_stay_text_to_the_character(tmp_path: Path) -> None:
    start = "user,item\n" + "".join(f"{r},{r}\n" for r in range(520))
    ids = ["007", "7.0", "9007199254740993", "99999999999999999999", "+7", "4294967297", "0"]
    (path,) = write(tmp_path, {"x.csv": start + "".join(f"{raw},1\n" for raw in ids)})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "ChunkSizes", lambda: sizes_for(start, 16))
        result = read(path, ReadOptions(columns={"user_id": "user", "item_id": "item"}))
    assert [row[0] for row in rows(result)[520:]] == ids


def test_a_large_compressed_file(tmp_path: Path) -> None:
    start = beginning(",")
    content = (start + SUFFICES["broken lines"]).encode()
    paths = write(tmp_path, {"x.csv.gz": gzip.compress(content), "cut.csv.gz": gzip.compress(content)[:-30]})
    in_chunks, whole, sufficed = both(paths[0], sizes_for(start), ReadOptions())
    assert in_chunks == whole
    assert sufficed
    with pytest.raises(ReadError, match="damaged"):
        read_in_chunks(Source(paths[1]), ReadOptions(), sizes_for(start))


def test_a_small_file_is_read_as_a_whole(tmp_path: Path) -> None:
    (path,) = write(tmp_path, {"x.csv": beginning(",")})
    assert read_in_chunks(Source(path), ReadOptions()) is None
