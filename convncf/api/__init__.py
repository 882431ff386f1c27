"""The public classes: they take and return raw ids, wrap what the core computes, and may draw it."""

from __future__ import annotations
