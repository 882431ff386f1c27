"""Files as people have them -> Interactions, ItemTable and a ReadReport."""

from convncf.data.reading.api import ReadResult, read, read_delimited
from convncf.data.reading.columns import OPTIONS, ROLES, guess_columns
from convncf.data.reading.delimited import Preview, preview
from convncf.data.reading.dialect import DELIMITERS
from convncf.data.reading.options import FORMATS, ReadOptions
from convncf.data.reading.report import DELIMITER_WORDS, Dropped, FileRead, ReadReport, TimeSpan

__all__ = [
    "DELIMITERS",
    "DELIMITER_WORDS",
    "FORMATS",
    "OPTIONS",
    "ROLES",
    "Dropped",
    "FileRead",
    "Preview",
    "ReadOptions",
    "ReadReport",
    "ReadResult",
    "TimeSpan",
    "guess_columns",
    "preview",
    "read",
    "read_delimited",
]
