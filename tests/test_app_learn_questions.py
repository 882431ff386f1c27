"""Learn's questions: the answer is computed, and each of the answers can be the right one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.views.learn import bpr, embeddings, features, filter, map, score
from convncf.inspection.bpr_step import BprSteps, Triple
from tests.made_traces import layer, pair


@pytest.mark.parametrize(("q", "right"), [([1.0, 1.0], "above"), ([1.0, -1.0], "below"), ([0.0, 0.0], "below")])
def test_the_sign_of_the_dot_product_decides(q: list[float], right: str) -> None:
    p, item = np.array([1, 2], np.float32), np.array(q, np.float32)
    assert embeddings.question(replace(pair(), p=p, q=item, map=np.outer(p, item))).right == right


@pytest.mark.parametrize(("size", "right"), [(16, "tenth"), (10, "half"), (2, "half"), (1, "more")])
def test_the_share_of_the_diagonal_decides(size: int, right: str) -> None:
    ones = np.ones(size, np.float32)
    assert map.question(replace(pair(), p=ones, q=ones, map=np.outer(ones, ones))).right == right


@pytest.mark.parametrize(("zeros", "right"), [(0, "few"), (1, "few"), (2, "some"), (4, "some"), (5, "most")])
def test_the_share_of_zeros_decides(zeros: int, right: str) -> None:
    maps = np.ones((6, 1, 1), np.float32)
    maps[:zeros] = 0
    assert filter.question(replace(pair(), layers=(replace(layer(6), maps=maps),))).right == right


@pytest.mark.parametrize(
    ("channels", "silent", "right"), [(4, 0, "none"), (4, 1, "some"), (4, 2, "half"), (1, 1, "half")]
)
def test_the_silent_channels_decide(channels: int, silent: int, right: str) -> None:
    maps = np.ones((channels, 2, 2), np.float32)
    maps[:silent] = 0
    trace = replace(pair(), layers=(replace(layer(channels), maps=maps),))
    assert features.question(trace).right == right


@pytest.mark.parametrize(("terms", "right"), [(2, "few"), (8, "some"), (20, "many")])
def test_the_number_of_terms_that_are_enough_decides(terms: int, right: str) -> None:
    assert score.question(pair([1.0] * terms, bias=0)).right == right


@pytest.mark.parametrize(("after", "right"), [(2.0, "grows"), (1.0, "stays"), (0.5, "shrinks")])
def test_the_margin_after_one_step_decides(after: float, right: str) -> None:
    margin = np.array([1.0, after, 9.0], np.float32)
    zeros = np.zeros(3, np.float32)
    steps = BprSteps(
        Triple(0, 1, 2), 1.0, margin, zeros, margin, zeros, zeros, np.zeros((3, 3), np.float32), diverged=False
    )
    assert bpr.question(steps).right == right
