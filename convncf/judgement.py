"""Judgement: a model on validation and test, beside simple baselines on the same split and users.

A figure without a baseline says little, so each report carries Popularity, and the MF-BPR that a ConvNCF began from,
with a paired test over users.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from convncf.config import EvalConfig
from convncf.data.interactions import Vocabulary
from convncf.data.splitting import Split
from convncf.evaluation import EvaluationReport, evaluate
from convncf.ranking import Scorer
from convncf.significance import PairedTest, paired_test
from convncf.training import Progress

if TYPE_CHECKING:
    import pandas as pd

THIS = "this"
"""Name of the judged model among its baselines, in per_user.parquet."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Everything that a run's report says in numbers."""

    validation: EvaluationReport
    test: EvaluationReport
    baselines: Mapping[str, EvaluationReport]
    """Name -> the baseline's report on the test part."""
    paired: Mapping[str, PairedTest]
    """Name -> this model against that baseline on the test part, in the monitored metric, over users."""
    monitor: str

    def to_json(self) -> dict[str, Any]:
        """The report's figures: `metrics` are of the test part."""
        test = self.test.to_json()
        return {
            "protocol": self.test.protocol,
            "metrics": test["metrics"],
            "validation": dict(self.validation.metrics),
            "n_users": test["n_users"],
            "n_users_evaluated": test["n_users_evaluated"],
            "n_users_validated": self.validation.n_users_evaluated,
            "not_evaluated": test["not_evaluated"],
            "left_out": test["left_out"],
            "evaluation_notes": test["notes"],
            "baselines": {name: dict(report.metrics) for name, report in self.baselines.items()},
            "paired": {
                name: {"metric": self.monitor, "words": test.in_words("this model", name)} | asdict(test)
                for name, test in self.paired.items()
            },
        }

    def per_user(self, users: Vocabulary) -> pd.DataFrame:
        """One row per evaluated user, part and model: user_id, part, model, n_positives, then the metrics."""
        import pandas as pd

        frames = [_frame(self.validation, THIS, users), _frame(self.test, THIS, users)]
        frames += [_frame(report, name, users) for name, report in self.baselines.items()]
        return pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True)


def _frame(report: EvaluationReport, model: str, users: Vocabulary) -> pd.DataFrame:
    import pandas as pd

    ids = [users.id(user) for user in report.users.tolist()]
    positives = report.ranks.indptr[1:] - report.ranks.indptr[:-1]
    facts = {"user_id": ids, "part": report.part, "model": model, "n_positives": positives}
    return pd.DataFrame(facts | dict(report.per_user))


def judge(
    model: Scorer,
    baselines: Mapping[str, Scorer],
    split: Split,
    config: EvalConfig,
    *,
    seed: int,
    progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Judgement:
    """Evaluate the model on validation and test, and each baseline on test, by the same protocol and users."""
    passes = 2 + len(baselines)
    per_pass = max(1, split.interactions.n_users)

    def report(number: int) -> Callable[[int, int], None]:
        def at(done: int, total: int) -> None:
            if progress is not None:
                whole = per_pass * number + per_pass * done // max(1, total)
                progress(Progress("evaluation", 0, 0, "users", whole, per_pass * passes))

        return at

    validation = evaluate(model, split, "validation", config, progress=report(0), stop=stop)
    test = evaluate(model, split, "test", config, progress=report(1), stop=stop)
    others = {
        name: evaluate(scorer, split, "test", config, progress=report(2 + number), stop=stop)
        for number, (name, scorer) in enumerate(baselines.items())
    }
    paired = {
        name: paired_test(test.per_user[config.monitor], other.per_user[config.monitor], seed)
        for name, other in others.items()
        if test.n_users_evaluated
    }
    return Judgement(validation, test, others, paired, config.monitor)
