"""How the cost grows: with the embedding size, with the number of items, with the batch. Our side alone."""

from __future__ import annotations

from typing import Any, Final

from benchmarks.speed import work
from benchmarks.speed.session import Answer, Worker

PRECISIONS: Final = ("fp32", "bf16")
ITEMS: Final = (1_682, 10_000, 100_000)
BATCHES: Final = (512, 2_048, 8_192)
_TRIPLES: Final = 16_384
_USERS: Final = 20


def measure(us: Worker, say: Any) -> dict[str, list[dict[str, Any]]]:
    """Three tables; a figure is None where this machine has no such precision."""
    say("growth with the embedding size")
    sizes = []
    for size, kernels in work.PLANS.items():
        channels = (1, *[32] * len(kernels))
        row: dict[str, Any] = {"embedding_size": size, "kernels": list(kernels)}
        row["operations_per_pair"] = work.operations_per_pair(size, kernels, channels)
        for precision in PRECISIONS:
            plan = {"embedding_size": size, "precision": precision}
            row[f"us_per_pair_{precision}"] = microseconds(us.ask("growth", what="rank", users=_USERS, **plan), "pairs")
            trained = us.ask("growth", what="train", triples=_TRIPLES // 2, **plan)
            row[f"us_per_triple_{precision}"] = microseconds(trained, "triples")
        sizes.append(row)
    say("growth with items and batch")
    items = [
        {"items": n}
        | {
            f"us_per_pair_{precision}": microseconds(
                us.ask("top_10", precision=precision, n_items=n, times=15 if n < 50_000 else 5), "pairs"
            )
            for precision in PRECISIONS
        }
        for n in ITEMS
    ]
    batches = [
        {"batch_size": n}
        | {
            f"us_per_triple_{precision}": microseconds(
                us.ask("growth", what="train", precision=precision, triples=_TRIPLES, batch_size=n), "triples"
            )
            for precision in PRECISIONS
        }
        for n in BATCHES
    ]
    return {"embedding_size": sizes, "items": items, "batch_size": batches}


def microseconds(answer: Answer, unit: str) -> float | None:
    """Microseconds a pair or triple."""
    return None if "unavailable" in answer else 1e6 * float(answer["seconds"]) / float(answer[unit])
