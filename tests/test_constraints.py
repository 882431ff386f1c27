"""The pins: exact, within pyproject's ranges, and naming nobody's machine."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LINES = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
PINS = {
    canonicalize_name(name): version
    for name, _, version in (line.partition("==") for line in LINES if line and not line.startswith("#"))
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CUDA = ("cuda-", "nvidia-", "triton")  # torch's default Linux build pins these itself; its CPU build has none of them
RANGES = [*PROJECT["dependencies"], *(line for extra in PROJECT["optional-dependencies"].values() for line in extra)]


def test_every_line_is_an_exact_pin_and_no_address() -> None:
    wrong = [line for line in LINES if not line.startswith("#") and not re.fullmatch(r"[\w.-]+==[\w.]+", line)]
    assert wrong == []
    assert "://" not in "\n".join(LINES)


def test_every_range_holds_its_pin() -> None:
    required = [Requirement(line) for line in RANGES]
    assert [str(one) for one in required if not one.specifier.contains(PINS[canonicalize_name(one.name)])] == []


def test_whatever_those_bring_is_pinned_too() -> None:
    assert sorted(installed_behind(RANGES) - PINS.keys()) == []


def installed_behind(lines: list[str]) -> set[str]:
    """The installed packages that these requirements lead to, by canonical name."""
    found: set[str] = set()
    todo = [Requirement(line) for line in lines]
    seen: set[str] = set()
    while todo:
        needed = todo.pop()
        name = canonicalize_name(needed.name)
        if str(needed) in seen or name.startswith(CUDA):
            continue
        seen.add(str(needed))
        try:
            inner = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # of another platform
        found.add(name)
        todo += [line for line in map(Requirement, inner) if applies(line, needed.extras)]
    return found


def applies(needed: Requirement, extras: set[str]) -> bool:
    """Does a requirement of an installed package count, given the extras that were asked of it?"""
    return needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras or {""})
