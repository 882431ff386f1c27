"""Make the embedded dataset from a CSV of ml-latest-small (2016) with columns movieId, title, year, genres, userId, …

Usage: python datasets/movielens-small/make.py movielens.csv
The CSV is the `movielens` table of the R package dslabs, which joins ratings, titles and genres, in its row order.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from convncf.data.dataset import Dataset
from convncf.data.interactions import Interactions
from convncf.data.items import ItemTable
from convncf.data.storage import write_folder

NAME = "movielens-small"
SOURCE = (
    "MovieLens ml-latest-small of October 2016 (GroupLens, University of Minnesota). "
    "Non-commercial use; cite Harper and Konstan (2015). Terms: see README.md beside the data."
)
NO_GENRES = "(no genres listed)"


def read(path: Path) -> Dataset:
    """The dataset, ids as text and titles to the character."""
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    ratings = pd.DataFrame(
        {
            "user_id": frame["userId"],
            "item_id": frame["movieId"],
            "rating": frame["rating"].astype(np.float32),
            "timestamp": frame["timestamp"].astype(np.int64),
        }
    )
    interactions = Interactions.from_frame(ratings, time_unit="s")
    films = frame.drop_duplicates("movieId").set_index("movieId").loc[list(interactions.items.ids)]
    if len(frame[["movieId", "title", "year", "genres"]].drop_duplicates()) != len(films):
        raise ValueError("a film has more than one title, year or genre list")
    items = ItemTable(
        interactions.items,
        tuple(films["title"]),
        tuple(int(float(year)) if year else None for year in films["year"]),
        tuple(() if genres in ("", NO_GENRES) else tuple(genres.split("|")) for genres in films["genres"]),
    )
    return Dataset(NAME, interactions, items, SOURCE)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    write_folder(read(Path(sys.argv[1])), Path(__file__).parent)
