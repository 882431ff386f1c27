"""What a sentence must not lose: the numbers in it, and what it quotes. How it says them is free to change."""

from __future__ import annotations

import re

_FACT = re.compile(r"(?<!\w)'[^']*'|\d+(?:[.,:-]\d+)*")


def values_in(*sentences: str) -> list[str]:
    """Numbers, dates, and whatever stands in single quotation marks, in order: "1 of 'a'" -> ["1", "'a'"]."""
    return [found for sentence in sentences for found in _FACT.findall(sentence)]
