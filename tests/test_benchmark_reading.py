"""The reading benchmark on little: its file is what it says, and its figures are of a reading to a Split."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest

from benchmarks.reading import __main__ as benchmark
from benchmarks.reading import generated
from convncf.data.reading.api import read
from tests.written import dropped


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_the_pairs_are_distinct_and_have_long_tails() -> None:
    user, item = generated.pairs(20_000)
    assert len(set(zip(user.tolist(), item.tolist(), strict=True))) == 20_000
    for side in (user, item):
        counts = np.sort(np.bincount(side)[1:])[::-1]
        assert counts[: len(counts) // 10].sum() > 2 * counts.sum() / 10


def test_the_untidy_file_holds_what_a_reading_must_count() -> None:
    result = read(generated.ratings_file(5000, untidy=True))
    assert dropped(result) == {
        "not the header's 4 fields": (1, (5003,)),
        "item id empty": (1, (5005,)),
        "rating not a number": (1, (5004,)),
    }
    assert (result.report.kept, result.report.blank, result.report.merged) == (5000, 1, 1)


@pytest.mark.slow
def test_the_benchmark_measures_each_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(benchmark, "RESULT", Path(tmp_path / "reading.json"))
    assert benchmark.main(["--rows", "2000", "--rounds", "1", "--json", "--write"]) == 0
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert json.loads((tmp_path / "reading.json").read_text(encoding="utf-8")) == {"tidy": printed}
    assert (printed["rows"], printed["interactions"]) == (2000, 2000)
    assert printed["stages"].keys() == set(benchmark.STAGES)
    assert printed["peak_mb"] > 0
    assert printed["seconds"] >= sum(printed["stages"][name]["seconds"] for name in ("read", "split"))
