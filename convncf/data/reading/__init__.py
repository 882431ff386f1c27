"""Files as people have them -> Interactions, ItemTable and a ReadReport."""

from convncf.data.reading.columns import OPTIONS, ROLES, guess_columns
from convncf.data.reading.delimited import Preview, ReadResult, preview, read_delimited
from convncf.data.reading.dialect import DELIMITERS
from convncf.data.reading.report import DELIMITER_WORDS, Dropped, ReadReport, TimeSpan

__all__ = [
    "DELIMITERS",
    "DELIMITER_WORDS",
    "OPTIONS",
    "ROLES",
    "Dropped",
    "Preview",
    "ReadReport",
    "ReadResult",
    "TimeSpan",
    "guess_columns",
    "preview",
    "read_delimited",
]
