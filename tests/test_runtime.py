"""Randomness without memory, and files that are whole or absent."""

from __future__ import annotations

import json
import math
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from convncf.runtime import files, random
from tests.worlds import litter

# ---------------------------------------------------------------- home and files


def test_the_home_is_chosen_by_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CONVNCF_HOME", "~/mine")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert files.home() == tmp_path.resolve() / "mine"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONVNCF_HOME", "here")
    assert files.home() == tmp_path.resolve() / "here"
    monkeypatch.delenv("CONVNCF_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert files.home() == tmp_path / "data" / "convncf"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, {"a": [1.0, math.nan]}, np.float64("nan")])
def test_json_that_not_every_parser_takes_is_never_written(value: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        files.strict_json(value)
    path = tmp_path / "x.json"
    files.write_json(path, {"old": 1})
    with pytest.raises(ValueError, match="JSON"):
        files.write_json(path, {"new": value})
    assert json.loads(path.read_text()) == {"old": 1}


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_text_survives_json_unchanged(text: str) -> None:
    assert json.loads(files.strict_json({"t": text})) == {"t": text}
    assert files.strict_json("é ☃") == '"é ☃"'


def test_writing_makes_folders_and_replaces_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "file"
    files.atomic_write(path, b"old, and longer")
    files.atomic_write(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert os.listdir(path.parent) == ["file"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file_and_no_litter(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    files.atomic_write(path, b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match="No space left"):
        files.atomic_write(path, b"new")
    assert path.read_bytes() == b"old"
    assert litter(tmp_path) == []


def test_a_block_that_is_interrupted_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    path = tmp_path / "file"
    files.atomic_write(path, b"old")

    def interrupted() -> None:
        with files.atomic_path(path) as part:
            part.write_bytes(b"half of the ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == b"old"
    assert litter(tmp_path) == []


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    files.atomic_write(path, b"a" * 100_000)
    with files.atomic_path(path) as part:
        part.write_bytes(b"b" * 10)
        assert path.read_bytes() == b"a" * 100_000
    assert path.read_bytes() == b"b" * 10


# ---------------------------------------------------------------- randomness


def test_a_draw_depends_on_the_arguments_alone() -> None:
    first = random.rng(7, "negatives", 3, 1).random(5)
    np.random.default_rng(0).random(100)
    random.rng(7, "order", 3).random(100)
    assert (random.rng(7, "negatives", 3, 1).random(5) == first).all()


def test_another_seed_purpose_or_counter_draws_something_else() -> None:
    asked: list[tuple[int, str, tuple[int, ...]]] = [(1, "a", (1,)), (2, "a", (1,)), (1, "b", (1,)), (1, "a", (2,))]
    asked += [(1, "a", (1, 1)), (1, "a", (2, 1))]
    draws = {float(random.rng(seed, purpose, *counters).random()) for seed, purpose, counters in asked}
    assert len(draws) == len(asked)


def test_the_draw_is_the_same_from_one_release_to_the_next() -> None:
    # written down once: a change here changes every split and run that anybody has saved
    assert random.rng(1, "split").integers(0, 1000, 5).tolist() == [470, 982, 164, 211, 508]


def test_torch_is_seeded_by_the_same_arguments() -> None:
    random.seed_torch(1, "dropout", 2, 3)
    first = torch.rand(4)
    torch.rand(1000)
    random.seed_torch(1, "dropout", 2, 3)
    assert torch.equal(torch.rand(4), first)
    random.seed_torch(1, "dropout", 2, 4)
    assert not torch.equal(torch.rand(4), first)
