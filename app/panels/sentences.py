"""Sentences from the core, as they stand on a page."""

from __future__ import annotations


def sentence(text: object) -> str:
    """An error or remark with its first letter large and a full stop at its end."""
    words = str(text)
    words = f"{words[:1].upper()}{words[1:]}"
    return words if words.endswith((".", "!", "?")) else f"{words}."
