"""Published figures to compare ours with, each with its source; the protocols are those of the sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

_RECBOLE: Final = "RecBole 1.2.1 with its defaults, seed 2020, run on the same data (2 CPU cores)"
_NCF: Final = "He et al., Neural Collaborative Filtering, WWW 2017, read off its figures: approximate"

PUBLISHED: Final[Mapping[str, Sequence[Mapping[str, Any]]]] = {
    "ml-100k": (
        {"model": "Pop", "NDCG@10": 0.1005, "HR@10": 0.4708, "Recall@10": 0.0838, "MRR@10": 0.1896, "source": _RECBOLE},
        {"model": "BPR", "NDCG@10": 0.2862, "HR@10": 0.7720, "Recall@10": 0.2388, "MRR@10": 0.4820, "source": _RECBOLE},
        {
            "model": "NeuMF",
            "NDCG@10": 0.2687,
            "HR@10": 0.7540,
            "Recall@10": 0.2249,
            "MRR@10": 0.4455,
            "source": _RECBOLE,
        },
        {
            "model": "ConvNCF, 4 epochs, no pretraining",
            "NDCG@10": 0.0953,
            "HR@10": 0.4263,
            "Recall@10": 0.0744,
            "MRR@10": 0.1908,
            "source": _RECBOLE,
        },
    ),
    "ml-1m": ({"model": "MF and NeuMF", "HR@10": 0.73, "NDCG@10": 0.45, "source": _NCF},),
    "gowalla": (
        {"model": "MF-BPR", "Recall@20": 0.1491, "NDCG@20": 0.1235, "source": "freerec's benchmark of Gowalla_m1"},
        {
            "model": "LightGCN",
            "Recall@20": 0.1830,
            "NDCG@20": 0.1554,
            "source": "He et al., LightGCN, SIGIR 2020",
        },
    ),
}
"""Study -> rows of figures by metric."""
