"""A shop's orders as somebody's own DataFrame: odd column names, dates, repeats; 40 customers and 50 articles."""

from __future__ import annotations

import numpy as np
import pandas as pd


def orders(n: int = 1200, seed: int = 1) -> pd.DataFrame:
    """Columns customer (c0 …), article (a0 …), day and shelf; a pair may occur again."""
    rng = np.random.default_rng(seed)
    customers, articles = rng.integers(0, 40, n), np.minimum(rng.geometric(0.06, n) - 1, 49)
    return pd.DataFrame(
        {
            "article": [f"a{item}" for item in articles],
            "shelf": "left",
            "customer": [f"c{user}" for user in customers],
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, n), unit="D"),
        }
    )


def articles() -> pd.DataFrame:
    """What they are called: columns article and title."""
    return pd.DataFrame({"article": [f"a{item}" for item in range(50)], "title": [f"Thing {i}" for i in range(50)]})
