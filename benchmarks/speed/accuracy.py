"""What bf16 costs in accuracy: one trained model, ranked in fp32 and in bf16, on ml-100k.

MF-BPR first, then ConvNCF from its embeddings by the dot-product start, for a few epochs; the same weights are ranked
twice.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, cast

from benchmarks.speed import work
from benchmarks.speed.ours import build, train_config
from convncf.config import EvalConfig
from convncf.data.split import Split
from convncf.evaluation.report import evaluate
from convncf.models import ModelConfig
from convncf.training import Trainable, Trainer

METRICS: Final = ("NDCG@10", "HR@10", "Recall@10")


def measure(file: Path, mf_epochs: int, epochs: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Test metrics of both precisions and their difference."""
    parts = work.held_out(work.read(file))
    mf = build(
        ModelConfig(name="mf-bpr", penalty="squared", reg_weights=(5e-3, 0.0), embedding_std=0.1),
        *parts.train.shape,
    )
    say(f"MF-BPR, {mf_epochs} epochs")
    _train(mf, parts, mf_epochs, lr_embedding=5e-3)
    config = work.plan().model_copy(
        update={"initialisation": "dot product", "penalty": "squared", "reg_weights": (5e-3, 1e-2), "dropout_prob": 0.0}
    )
    model = build(config, *parts.train.shape)
    model.start_from(mf.user_embedding.weight.detach(), mf.item_embedding.weight.detach())
    say(f"ConvNCF from there, {epochs} epochs")
    _train(model, parts, epochs, lr_embedding=1e-4, lr_network=1e-4)
    result: dict[str, Any] = {"mf_epochs": mf_epochs, "epochs": epochs, "fp32": _metrics(model, parts)}
    in_bf16 = build(config, *parts.train.shape, "bf16")
    in_bf16.load_state_dict(model.state_dict())
    result["bf16"] = _metrics(in_bf16, parts)
    return result | {"difference": {name: result["bf16"][name] - result["fp32"][name] for name in METRICS}}


def _train(model: Any, parts: Split, epochs: int, **rates: float) -> None:
    """All epochs, without validation, which would only take time."""
    train_only = work.training_alone(parts, int(parts.train.nnz))
    config = train_config("fp32", epochs=epochs, batch_size=work.BATCH_SIZE, **rates)
    for _ in Trainer(cast(Trainable, model), train_only, config, EvalConfig(), seed=work.SEED, restore=False):
        pass


def _metrics(model: Any, parts: Split) -> dict[str, float]:
    metrics = evaluate(model.eval(), parts, "test", EvalConfig()).metrics
    return {name: metrics[name] for name in METRICS}
