"""The studies: their questions, datasets and trials."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final

from benchmarks.quality.study import NETWORK_64, Study, Trial

THREE: Final = (1, 2, 3)

_BY_USER: Final[dict[str, Any]] = {"train.positives": "by user"}


def _dns(candidates: int) -> dict[str, Any]:
    return {"train.negatives": "dns", "train.dns_candidates": candidates}


_MF: Final[dict[str, Any]] = {
    "model.embedding_size": 64,
    "model.penalty": "squared",
    "model.reg_weights": [5e-3, 0.0],
    "model.embedding_std": 0.1,
    "train.lr_embedding": 1e-3,
    "train.patience": 15,
    "train.keep_every": 0,
}
_GOWALLA_MF: Final[dict[str, Any]] = {
    **_MF,
    "train.batch_size": 8192,
    "train.lr_embedding": 5e-3,
    "train.validate_every": 4,
    "train.patience": 4,
    "eval.validation_users": 3000,
}
"""Larger batches, since each step updates the whole tables; L2 is chosen on validation."""
_GOWALLA_BY_USER: Final[dict[str, Any]] = {
    **_GOWALLA_MF,
    "model.embedding_std": 0.01,
    **_BY_USER,
    "train.batch_size": 2048,
    "train.lr_embedding": 1e-3,
    "train.epochs": 40,
    "train.validate_every": 8,
    "train.patience": 2,
}
"""As in the code behind the published figures: users sampled uniformly, small initial weights, small batches."""
_GOWALLA_HARD: Final[dict[str, Any]] = _GOWALLA_BY_USER | {"model.reg_weights": [3e-3, 0.0]} | _dns(4)
_GOWALLA_L2: Final = (1e-2, 3e-3, 1e-3)
_BASELINES: Final = (
    Trial("popularity", "popularity"),
    Trial("itemknn", "itemknn"),
    Trial("ease", "ease"),
    Trial("mf-bpr", "mf-bpr", _MF),
)


def _network(name: str, **settings: Any) -> Trial:
    """A ConvNCF that starts from the trial mf-bpr; dots in keys are written as two underscores."""
    return Trial(
        name, "convncf", {**NETWORK_64, **{k.replace("__", "."): v for k, v in settings.items()}}, start="mf-bpr"
    )


_DOT_PRODUCT: Final[dict[str, Any]] = {
    "model__initialisation": "dot product",
    "model__dropout_prob": 0.0,
    "model__reg_weights": [5e-3, 1e-2],
    "train__lr_embedding": 0.0,
    "train__lr_network": 1e-4,
    "train__epochs": 30,
    "train__patience": 6,
}
_RANDOM: Final[dict[str, Any]] = {
    **_DOT_PRODUCT,
    "train__lr_embedding": 1e-3,
    "train__lr_network": 1e-3,
}


def _starts(**settings: Any) -> tuple[Trial, ...]:
    """The three starts from the same MF-BPR: the dot-product start, torch's random weights, the 2018 code's."""
    return (
        _network("convncf-dot-product", **(_DOT_PRODUCT | settings)),
        _network("convncf-random", **(_RANDOM | {"model__initialisation": "random"} | settings)),
        _network("convncf-paper-start", **(_RANDOM | {"model__initialisation": "paper"} | settings)),
    )


_ALL: Final = (
    Study(
        name="ml-100k",
        dataset="ml-100k",
        question="All models on ml-100k under RecBole's protocol: 8:1:1 at random per user, full ranking.",
        trials=(
            *_BASELINES,
            *_starts(),
            *(
                Trial(f"{model}, preset tuned", model, preset="tuned")
                for model in ("itemknn", "ease", "mf-bpr", "convncf")
            ),
        ),
        common={"data.split": "ratio", "eval.monitor": "NDCG@10"},
        seeds=THREE,
        shown=("NDCG@10", "HR@10", "Recall@10", "MRR@10"),
    ),
    Study(
        name="ml-1m",
        dataset="ml-1m",
        question="ml-1m as the NCF authors published it: each user's latest item among its 99 stored negatives.",
        trials=(
            *_BASELINES,
            Trial("mf-bpr by user", "mf-bpr", _MF | _BY_USER),
            *_starts(),
        ),
        common={
            "data.split": "predefined",
            "eval.protocol": "candidates",
            "eval.stored_sets": "as published",
            "eval.monitor": "NDCG@10",
        },
        seeds=(1,),
        shown=("HR@10", "NDCG@10"),
    ),
    Study(
        name="gowalla",
        dataset="gowalla",
        question="gowalla as LightGCN's authors split it, full ranking: MF-BPR beside its published figures.",
        trials=(
            Trial("popularity", "popularity"),
            *(
                Trial(f"mf-bpr, L2 {l2:g}", "mf-bpr", {**_GOWALLA_MF, "model.reg_weights": [l2, 0.0]})
                for l2 in _GOWALLA_L2
            ),
            *(
                Trial(f"mf-bpr by user, L2 {l2:g}", "mf-bpr", {**_GOWALLA_BY_USER, "model.reg_weights": [l2, 0.0]})
                for l2 in (1e-3, 3e-3)
            ),
            Trial("mf-bpr by user, L2 0.003, dns of 4", "mf-bpr", _GOWALLA_HARD),
            Trial(
                "mf-bpr by user, L2 0.003, dns of 4, up to 120 epochs", "mf-bpr", _GOWALLA_HARD | {"train.epochs": 120}
            ),
        ),
        common={"data.split": "predefined", "eval.monitor": "NDCG@20"},
        metric="NDCG@20",
        shown=("Recall@20", "NDCG@20"),
    ),
    Study(
        name="starts-movielens-small",
        dataset="movielens-small",
        question="The three network starts on movielens-small, 8:1:1 at random, full ranking.",
        trials=(Trial("popularity", "popularity"), Trial("mf-bpr", "mf-bpr", _MF), *_starts()),
        common={"data.split": "ratio", "eval.monitor": "NDCG@10"},
        seeds=THREE,
    ),
    Study(
        name="quick",
        dataset="movielens-small",
        question="The preset quick on the embedded films, and whether the network improves on its MF-BPR.",
        trials=tuple(
            Trial(model, model, preset="quick") for model in ("popularity", "itemknn", "ease", "mf-bpr", "convncf")
        ),
        seeds=THREE,
    ),
    Study(
        name="starts-movietweetings",
        dataset="movietweetings",
        question="The three starts on movietweetings (5-core), leave-one-out by time, 99 sampled negatives.",
        trials=(Trial("popularity", "popularity"), Trial("mf-bpr", "mf-bpr", _MF), *_starts()),
        common={
            "data.split": "leave-one-out",
            "data.min_user": 5,
            "data.min_item": 5,
            "eval.protocol": "candidates",
            "eval.monitor": "NDCG@10",
        },
    ),
    Study(
        name="starts-gowalla",
        dataset="gowalla",
        question="The three starts on gowalla's predefined split, 99 sampled negatives: ranking all items takes hours.",
        trials=(
            Trial("popularity", "popularity"),
            Trial("mf-bpr", "mf-bpr", {**_GOWALLA_MF, "model.reg_weights": [3e-3, 0.0], "train.epochs": 40}),
            *_starts(train__epochs=8, train__patience=3, train__batch_size=8192, eval__validation_users=3000),
        ),
        common={
            "data.split": "predefined",
            "eval.protocol": "candidates",
            "eval.negatives": 99,
            "eval.monitor": "NDCG@10",
        },
    ),
    Study(
        name="tune-neighbours",
        dataset="ml-100k",
        question="Which neighbours, shrinkage and L2 make ItemKNN and EASE strong baselines? Chosen on validation.",
        trials=(
            *(
                Trial(
                    f"itemknn, {n} neighbours, shrinkage {shrinkage}",
                    "itemknn",
                    {"model.neighbours": n, "model.shrinkage": float(shrinkage)},
                )
                for n in (20, 50, 100, 200)
                for shrinkage in (0, 10, 50, 200)
            ),
            *(Trial(f"ease, L2 {l2}", "ease", {"model.ease_l2": float(l2)}) for l2 in (50, 100, 200, 400, 800, 1600)),
        ),
        common={"data.split": "ratio", "eval.monitor": "NDCG@10"},
    ),
    Study(
        name="tune-mf-bpr",
        dataset="ml-100k",
        question="Which L2, learning rate and negatives make MF-BPR a strong baseline? Chosen on validation.",
        trials=tuple(
            Trial(
                f"L2 {l2:g}, {sampling}",
                "mf-bpr",
                {**_MF, "model.reg_weights": [l2, 0.0], "train.lr_embedding": 2e-3} | settings,
            )
            for sampling, settings in (
                ("by interaction", {}),
                ("by user", _BY_USER),
                ("dns of 2", _dns(2)),
                ("dns of 4", _dns(4)),
                ("by user, dns of 2", _BY_USER | _dns(2)),
            )
            for l2 in (2e-3, 5e-3, 1e-2)
        ),
        common={"data.split": "ratio", "eval.monitor": "NDCG@10"},
    ),
    Study(
        name="tune-quick",
        dataset="movielens-small",
        question="Which MF-BPR should the preset quick have, two minutes on a laptop? Chosen on validation.",
        trials=tuple(
            Trial(f"L2 {l2:g}, {sampling}", "mf-bpr", {"model.reg_weights": [l2, 0.0]} | settings, preset="quick")
            for sampling, settings, weights in (
                ("by interaction", {"train.negatives": "uniform"}, (3e-3, 7e-3, 1.5e-2)),
                ("by user", _BY_USER | {"train.negatives": "uniform"}, (3e-3, 7e-3, 1.5e-2)),
                ("dns of 2", _dns(2), (3e-3, 7e-3, 1.5e-2, 3e-2)),
                ("dns of 4", _dns(4), (7e-3, 1.5e-2, 3e-2)),
            )
            for l2 in weights
        ),
        seeds=THREE,
    ),
    Study(
        name="tune-convncf",
        dataset="ml-100k",
        question="Which network improves on a well-regularised MF-BPR? Chosen on validation.",
        trials=(
            Trial("mf-bpr", "mf-bpr", _MF),
            _network("dot product, frozen embeddings", **_DOT_PRODUCT),
            _network("dot product, frozen, network at 1e-3", **_DOT_PRODUCT | {"train__lr_network": 1e-3}),
            _network(
                "dot product, frozen, network L2 10",
                **_DOT_PRODUCT | {"train__lr_network": 1e-3, "model__reg_weights": [5e-3, 10.0]},
            ),
            _network(
                "dot product, frozen, dropout 0.5",
                **_DOT_PRODUCT | {"train__lr_network": 1e-3, "model__dropout_prob": 0.5},
            ),
            _network(
                "dot product, slow embeddings",
                **_DOT_PRODUCT | {"train__lr_embedding": 3e-5, "train__lr_network": 3e-5},
            ),
            _network(
                "dot product, embeddings as in MF",
                **_DOT_PRODUCT | {"train__lr_embedding": 1e-3, "train__lr_network": 3e-5},
            ),
            _network("dot product, dns of 4", **_DOT_PRODUCT | {"train__negatives": "dns", "train__dns_candidates": 4}),
            _network(
                "dot product, 8 channels",
                **_DOT_PRODUCT | {"model__cnn_channels": [1, 8, 8, 8, 8], "train__lr_network": 1e-3},
            ),
            _network(
                "dot product, plan of 2x2",
                **_DOT_PRODUCT
                | {
                    "model__cnn_channels": [1, 32, 32, 32, 32, 32, 32],
                    "model__cnn_kernels": [2] * 6,
                    "model__cnn_strides": [2] * 6,
                },
            ),
            _network(
                "random, frozen embeddings", **_RANDOM | {"model__initialisation": "random", "train__lr_embedding": 0.0}
            ),
            _network("random, embeddings as in MF", **_RANDOM | {"model__initialisation": "random"}),
            _network(
                "random, dropout 0.2, network L2 1",
                **_RANDOM
                | {"model__initialisation": "random", "model__dropout_prob": 0.2, "model__reg_weights": [5e-3, 1.0]},
            ),
        ),
        common={"data.split": "ratio", "eval.monitor": "NDCG@10"},
    ),
)

STUDIES: Final = MappingProxyType({study.name: study for study in _ALL})
"""Name -> study, in the order of the page."""
