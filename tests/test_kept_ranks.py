"""A run keeps the rank of each test item: its metrics can be computed from them by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from convncf.workflow.loading import data_of
from tests.worlds import finished_run


def test_the_metrics_of_a_report_come_out_of_its_ranks(home: Path) -> None:
    run = finished_run(home)
    report, ranks = run.report(), run.read_frame("ranks")
    assert report is not None
    _, parts = data_of(run)
    users, items = parts.interactions.users, parts.interactions.items
    pairs = {(users.index(user), items.index(item)) for user, item in zip(ranks.user_id, ranks.item_id, strict=True)}
    coords = parts.test.tocoo().coords
    assert pairs == set(zip(coords[0].tolist(), coords[1].tolist(), strict=True))
    best = ranks.groupby("user_id")["rank"].min()
    assert report["metrics"]["HR@3"] == pytest.approx(float((best <= 3).mean()))
    assert report["metrics"]["MRR@10"] == pytest.approx(float((1 / best).where(best <= 10, 0).mean()))
