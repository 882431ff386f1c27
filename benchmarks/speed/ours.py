"""Our side: train batches, rank users, list one user's best items; each answers with its time.

python -m benchmarks.speed.ours      a worker that reads requests from stdin (see session.py)
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from convncf.runtime import devices, random, threads

threads.share_processors()  # before torch loads, as the commands do

import torch  # noqa: E402

from benchmarks.speed import machine, work  # noqa: E402
from convncf import models  # noqa: E402
from convncf.config import EvalConfig, ModelSettings, TrainConfig  # noqa: E402
from convncf.data.interactions import Interactions  # noqa: E402
from convncf.data.split import Split  # noqa: E402
from convncf.evaluation import ranking  # noqa: E402
from convncf.evaluation.ranking import Scorer  # noqa: E402
from convncf.evaluation.report import EvaluationReport, evaluate, sample_users  # noqa: E402
from convncf.training import EpochRecord, Trainable, Trainer  # noqa: E402

Answer = dict[str, Any]


class Unavailable(Exception):
    """The reason why something cannot be measured here."""


def build(config: ModelSettings, n_users: int, n_items: int, precision: str = "fp32", device: str = "cpu") -> Any:
    """A model with random weights, in that precision or, as in training, in the one that replaces it here."""
    random.seed_torch(work.SEED, "initialisation")
    return models.build(config, n_users, n_items, devices.resolve_precision(precision, device)[0])


@contextmanager
def _within_memory() -> Iterator[None]:
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise Unavailable(f"not enough memory: {str(error).splitlines()[0]}") from None


def train_config(precision: str, **settings: Any) -> TrainConfig:
    """Settings of the Trainer."""
    return TrainConfig.model_validate({"device": "cpu", "patience": 0, "precision": precision, **settings})


class Ours:
    """One split, and on it a model for each requested precision."""

    def __init__(self, parts: Split, config: ModelSettings | None = None, device: str = "cpu") -> None:
        self.parts, self.config, self.device = parts, config or work.plan(), device
        self._models: dict[str, Any] = {}
        self._epochs: dict[tuple[str, int, int], Iterator[EpochRecord]] = {}

    @property
    def data(self) -> Interactions:
        """What was split."""
        return self.parts.interactions

    def model(self, precision: str) -> Any:
        """The model, on the device."""
        if precision not in self._models:
            model = build(self.config, self.data.n_users, self.data.n_items, precision, self.device)
            self._models[precision] = model.to(self.device)
        return self._models[precision]

    def train(self, precision: str, triples: int, batch_size: int = work.BATCH_SIZE) -> Answer:
        """One epoch over so many triples: sampling, forward, backward and Adam, as the Trainer has it."""
        key = (precision, triples, batch_size)
        if key not in self._epochs:
            train_only = work.training_alone(self.parts, triples)
            config = train_config(precision, epochs=10**6, batch_size=batch_size)
            model = cast(Trainable, self.model(precision))
            trainer = Trainer(
                model, train_only, config, EvalConfig(), seed=work.SEED, device=self.device, restore=False
            )
            self._epochs[key] = iter(trainer)
            next(self._epochs[key])  # epoch 0: before the first step
        with _within_memory():
            record = next(self._epochs[key])
        return {"seconds": record.seconds, "triples": min(triples, int((self.parts.part == 0).sum()))}

    def rank(self, precision: str, users: int | None) -> Answer:
        """Full ranking of the test items of the first so many users who have any, metrics included."""
        chosen = sample_users(self.parts, "test", None, work.SEED)[:users]
        model = self.model(precision).eval()
        began = time.perf_counter()
        with _within_memory():
            report: EvaluationReport = evaluate(model, self.parts, "test", EvalConfig(), users=chosen)
        seconds = time.perf_counter() - began
        return {"seconds": seconds, "pairs": report.n_users_evaluated * self.data.n_items, "users": len(chosen)}


def top_10(precision: str, n_items: int, times: int, config: ModelSettings | None = None) -> Answer:
    """The best ten of n_items for one user, median of so many, after one that does not count."""
    model = cast(Scorer, build(config or work.plan(), 10, n_items, precision).eval())

    def seconds(user: int) -> float:
        began = time.perf_counter()
        ranking.top_k(model.score_items(user).numpy(), [], 10)
        return time.perf_counter() - began

    measured = [seconds(turn % 10) for turn in range(times + 1)]
    return {"seconds": statistics.median(measured[1:]), "pairs": n_items}


# ---------------------------------------------------------------- as a worker


def main() -> None:
    """Answer requests until stdin ends."""
    from benchmarks.speed import session

    held: dict[str, Any] = {}

    def answer(request: Answer) -> Answer:
        arguments = dict(request)
        task = arguments.pop("do")
        if task == "load":
            file = arguments["file"]
            data = work.read(Path(file)) if file else work.generated(work.ML_100K)
            held["ours"] = Ours(work.held_out(data))
            return _sizes(held["ours"])
        if task == "peak":
            return {"mb": machine.peak_mb()}
        if task == "top_10":
            return top_10(**arguments)
        if task == "growth":
            side = Ours(held["ours"].parts, work.plan(arguments.pop("embedding_size", 64)))
            return _twice(side, **arguments)
        return cast(Answer, {"train": held["ours"].train, "rank": held["ours"].rank}[task](**arguments))

    session.serve(answer, quiet=Unavailable)


def _sizes(side: Ours) -> Answer:
    parts = side.parts
    evaluated = len(sample_users(parts, "test", None, work.SEED))
    return {
        "users": side.data.n_users,
        "items": side.data.n_items,
        "train": int(parts.train.nnz),
        "evaluated": evaluated,
    }


def _twice(side: Ours, what: str, **given: Any) -> Answer:
    """The second of two: the first compiles and warms up."""
    side.train(**given) if what == "train" else side.rank(**given)
    return side.train(**given) if what == "train" else side.rank(**given)


if __name__ == "__main__":
    main()
