"""What a refusal to divide advises can be done, and then the data is divided."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from convncf.data.dataset import Dataset
from convncf.data.interactions import Interactions
from convncf.data.items import ItemTable
from convncf.data.splitting import split
from convncf.errors import SplitError
from convncf.models.settings import resolve

PAIRS = ("a x", "a x · b x", "a x · a y", "a x · b x · c x", "a x · a y · b x · b y", "a x · a y · a z")
SETTINGS = [
    {"data.split": "leave-one-out", "data.order": "random"},
    *(
        {"data.split": "ratio", "data.across": across, "data.ratios": ratios}
        for across in ("user", "all")
        for ratios in ([0.8, 0.1, 0.1], [0.9, 0, 0.1])
    ),
]


@pytest.mark.parametrize("chosen", SETTINGS, ids=lambda chosen: " ".join(map(str, chosen.values())))
@pytest.mark.parametrize("pairs", PAIRS)
def test_the_settings_that_a_refusal_names_divide_the_data(pairs: str, chosen: dict[str, object]) -> None:
    """They once led back to themselves: ratios with fewer parts, while leave-one-out takes no ratios."""
    frame = pd.DataFrame([pair.split() for pair in pairs.split(" · ")], columns=["user_id", "item_id"])
    data = Interactions.from_frame(frame)
    dataset = Dataset("tiny", data, ItemTable.untitled(data.items), "by hand")
    try:
        split(dataset, resolve(settings=chosen).config.data, 1)
    except SplitError as refusal:
        advised = re.findall(r"--set ([a-z._]+)=([^ ]+?)\.?(?= |$)", str(refusal))
        assert advised
        kept = {} if ("data.split", "ratio") in advised else chosen
        again = resolve(settings=[f"{key}={value}" for key, value in ({**kept, **dict(advised)}).items()])
        assert len(split(dataset, again.config.data, 1).interactions) == len(frame)
    else:
        assert len(frame) > 1


@pytest.mark.parametrize(
    ("pairs", "advice"),
    [
        ("a x · a y · b x", "--set data.split=ratio --set data.ratios=[0.9,0,0.1]."),
        ("a x · b x · c x", "--set data.split=ratio --set data.across=all."),
        ("a x", "--set data.split=ratio --set data.ratios=[1,0,0]."),
    ],
)
def test_leave_one_out_of_short_histories_names_another_split(pairs: str, advice: str) -> None:
    frame = pd.DataFrame([pair.split() for pair in pairs.split(" · ")], columns=["user_id", "item_id"])
    data = Interactions.from_frame(frame)
    dataset = Dataset("tiny", data, ItemTable.untitled(data.items), "by hand")
    with pytest.raises(SplitError) as refusal:
        split(dataset, resolve(settings={"data.split": "leave-one-out", "data.order": "random"}).config.data, 1)
    assert str(refusal.value).endswith(f", or {advice}")
