"""The comparison: both sides in turns, round after round, and the medians over rounds.

A ratio is computed within a round and the median over the rounds is reported, so that a machine that slows down for a
while slows both sides. The matrix peak is measured in each round too, for the same reason.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.speed import growth, session, work
from benchmarks.speed.session import Worker

PRECISIONS: Final = ("fp32", "bf16")
TASKS: Final = ("ranking", "training")
LIST_LENGTHS: Final = (work.ML_100K.items, 100_000)
NO_RECBOLE: Final = "RecBole's environment is missing: sh tools/recbole.sh makes it"
DIRECTIONS: Final = {
    "ranking and training": "our speed over RecBole's: above 1 we are faster",
    "memory": "our peak over RecBole's: below 1 we need less",
    "fractions": "operations that our pairs cost a second, over a plain product of layer 2's shape in that precision",
}
_SETTLE: Final = 0.05
"""Seconds between two measurements, in which the threads of the previous side go to sleep."""

Say = Callable[[str], None]
Round = dict[str, dict[str, float | None]]
""""recbole", "fp32", "bf16" -> {"training": triples/s, "ranking": pairs/s}; "peak" -> precision -> GFLOP/s."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The amount of work of a measurement."""

    rounds: int
    batches: int
    """Batches of 2048 triples that each side trains, a round."""
    users: int
    """Users that each side ranks all items for, a round."""
    lists: int
    """Top-10 lists; the latency is their median."""
    growth: bool


QUICK: Final = Settings(rounds=5, batches=4, users=40, lists=5, growth=False)
FULL: Final = Settings(rounds=5, batches=12, users=200, lists=15, growth=True)


def measure(settings: Settings, python: Path | None, say: Say) -> dict[str, Any]:
    """Everything that the comparison reports, as JSON; `python` is RecBole's, None where there is none."""
    with ExitStack() as stack:
        us = stack.enter_context(session.ours())
        them = stack.enter_context(session.recbole(python)) if python else None
        sizes: dict[str, Any] = {"recbole": them.ask("load") if them else None}
        file = sizes["recbole"].pop("file") if them else None
        sizes["ours"] = us.ask("load", file=file)
        say("warming up")
        reasons = {} if them else {"recbole": NO_RECBOLE}
        one_round(settings, us, them, reasons)
        rounds = []
        for number in range(1, settings.rounds + 1):
            say(f"round {number} of {settings.rounds}")
            rounds.append(one_round(settings, us, them, reasons))
        memory = {"ours": us.ask("peak")["mb"], "recbole": them.ask("peak")["mb"] if them else None}
        say("top-10 lists")
        latency = {
            precision: {
                str(n): _milliseconds(us.ask("top_10", precision=precision, n_items=n, times=settings.lists))
                for n in LIST_LENGTHS
            }
            for precision in PRECISIONS
        }
        grown = growth.measure(us, say) if settings.growth else None
    return {
        "settings": asdict(settings),
        "data": "ml-100k" if them else "generated, of ml-100k's sizes",
        "sizes": sizes,
        **summary(rounds, memory, reasons),
        "memory_mb": memory,
        "top_10_ms": latency,
        "growth": grown,
        "rounds": rounds,
    }


def one_round(settings: Settings, us: Worker, them: Worker | None, reasons: dict[str, str]) -> Round:
    """Each side trains, each side ranks, in turns, and the matrix peak."""
    from benchmarks.speed import peak

    measured: Round = {side: dict.fromkeys(TASKS) for side in ("recbole", *PRECISIONS)}
    amounts = {"training": ("train", {"batches": settings.batches}), "ranking": ("rank", {"users": settings.users})}
    for task, (do, amount) in amounts.items():
        if them:
            measured["recbole"][task] = per_second(them.ask(do, **amount))
            time.sleep(_SETTLE)
        amount_of_ours = {"triples": settings.batches * work.BATCH_SIZE} if task == "training" else amount
        for precision in PRECISIONS:
            answer = us.ask(do, precision=precision, **amount_of_ours)
            measured[precision][task] = per_second(answer)
            if "unavailable" in answer:
                reasons[f"{task}_{precision}"] = answer["unavailable"]
            time.sleep(_SETTLE)
    rates = peak.rates()
    measured["peak"] = dict(rates["layer_2"])
    measured["peak_large"] = dict(rates["large"])
    return measured


def per_second(answer: Mapping[str, Any]) -> float | None:
    """Triples or pairs a second."""
    if "unavailable" in answer:
        return None
    return float(answer.get("pairs") or answer["triples"]) / float(answer["seconds"])


def summary(
    rounds: Sequence[Round], memory: Mapping[str, float | None], reasons: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """Ratios, fractions and median speeds; a null has its reason in `reasons`."""
    plan = work.plan()
    operations = work.operations_per_pair(plan.embedding_size, plan.cnn_kernels, plan.cnn_channels)
    ratios: dict[str, float | None] = {}
    fractions: dict[str, float | None] = {}
    null_reasons: dict[str, str] = {}
    for task in TASKS:
        for precision in PRECISIONS:
            key = f"{task}_{precision}"
            ratios[key] = median([over(row[precision][task], row["recbole"][task]) for row in rounds])
            if ratios[key] is None:
                null_reasons[f"ratios.{key}"] = reasons.get("recbole") or reasons[key]
    for precision in PRECISIONS:
        shares = [over(row[precision]["ranking"], row["peak"][precision], operations * 1e-9) for row in rounds]
        fractions[f"ranking_{precision}"] = median(shares)
        if fractions[f"ranking_{precision}"] is None:
            null_reasons[f"fractions.ranking_{precision}"] = reasons[f"ranking_{precision}"]
    ratios["memory"] = over(memory["ours"], memory["recbole"])
    if ratios["memory"] is None:
        null_reasons["ratios.memory"] = reasons["recbole"]
    speeds = {side: {key: median([row[side][key] for row in rounds]) for key in rounds[0][side]} for side in rounds[0]}
    return {
        "ratios": ratios,
        "fractions": fractions,
        "reasons": null_reasons,
        "directions": DIRECTIONS,
        "speeds": speeds,
    }


def over(ours: float | None, theirs: float | None, times: float = 1.0) -> float | None:
    """ours · times / theirs, or None where one of them is."""
    return None if ours is None or theirs is None else ours * times / theirs


def median(values: Sequence[float | None]) -> float | None:
    """The median; None where a value is missing."""
    measured = [value for value in values if value is not None]
    return statistics.median(measured) if measured and len(measured) == len(values) else None


def _milliseconds(answer: Mapping[str, Any]) -> float | None:
    return None if "unavailable" in answer else float(answer["seconds"]) * 1e3
