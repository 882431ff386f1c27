"""Evaluation of a run: a model on validation and test, beside simple baselines on the same split and users.

A figure without a baseline says little, so each report has Popularity, and the MF-BPR that a ConvNCF started from, with
a paired test over users, and each mean has an interval. Under the setting eval.protocol = both, the test part is
evaluated twice: by full ranking, which is the main protocol, and within candidate sets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from convncf.config import EvalConfig
from convncf.data.candidate_sampling import candidate_sets
from convncf.data.candidates import CandidateSets
from convncf.data.split import Part, Split
from convncf.data.vocabulary import Vocabulary
from convncf.evaluation.candidate_ranking import SetRanks
from convncf.evaluation.metrics import MISS
from convncf.evaluation.ranking import Scorer
from convncf.evaluation.report import EvaluationReport, evaluate
from convncf.evaluation.significance import LEVEL, PairedTest, bootstrap_ends, paired_test, resamples
from convncf.runtime.progress import Progress

if TYPE_CHECKING:
    import pandas as pd

    from convncf.data.dataset import Dataset

THIS: Final = "this"
"""Name of the evaluated model among its baselines, in per_user.parquet."""
Intervals = Mapping[str, tuple[float, float]]
"""Written metric -> lower and upper end of the interval of its mean over users."""


@dataclass(frozen=True, slots=True)
class ProtocolReport:
    """The test part under one protocol."""

    test: EvaluationReport
    baselines: Mapping[str, EvaluationReport]
    """Name -> the baseline's report."""
    paired: Mapping[str, PairedTest]
    """Name -> this model against that baseline, in the monitored metric, over users."""
    intervals: Intervals
    baseline_intervals: Mapping[str, Intervals]
    fingerprint: str | None
    """Of the candidate sets; None for full ranking."""

    def to_json(self, monitor: str) -> dict[str, Any]:
        """The report as plain values: every figure with its number of users and its interval."""
        n = self.test.n_users_evaluated
        return self.test.to_json() | {
            "intervals": _plain(self.intervals),
            "interval_method": f"{LEVEL:.0%}, percentile bootstrap over users, {resamples(n):,} resamples"
            if n > 1
            else None,
            "candidate_fingerprint": self.fingerprint,
            "baselines": {name: dict(report.metrics) for name, report in self.baselines.items()},
            "baseline_intervals": {name: _plain(ends) for name, ends in self.baseline_intervals.items()},
            "baseline_beyond": {name: dict(report.beyond_accuracy) for name, report in self.baselines.items()},
            "paired": {
                name: {"metric": monitor, "words": test.in_words("this model", name)} | asdict(test)
                for name, test in self.paired.items()
            },
        }


@dataclass(frozen=True, slots=True)
class RunEvaluation:
    """All figures of a run's report."""

    validation: EvaluationReport
    validation_intervals: Intervals
    protocols: tuple[ProtocolReport, ...]
    """The protocols by which the test part was evaluated; the first is the main one."""
    monitor: str

    @property
    def test(self) -> EvaluationReport:
        """The test part under the main protocol."""
        return self.protocols[0].test

    @property
    def baselines(self) -> Mapping[str, EvaluationReport]:
        """Name -> the baseline's report on the test part under the main protocol."""
        return self.protocols[0].baselines

    @property
    def paired(self) -> Mapping[str, PairedTest]:
        """Name -> this model against that baseline under the main protocol, in the monitored metric, over users."""
        return self.protocols[0].paired

    def to_json(self) -> dict[str, Any]:
        """The report's figures: those of the main protocol on test, and `protocols`, each of them in full."""
        protocols = [protocol.to_json(self.monitor) for protocol in self.protocols]
        main = {key: value for key, value in protocols[0].items() if key not in ("part", "notes", "sample")}
        return main | {
            "validation": dict(self.validation.metrics),
            "validation_intervals": _plain(self.validation_intervals),
            "n_users_validated": self.validation.n_users_evaluated,
            "evaluation_notes": protocols[0]["notes"],
            "protocols": protocols,
        }

    def per_user(self, users: Vocabulary) -> pd.DataFrame:
        """One row per evaluated user, part, protocol and model: user_id and those, n_positives, then the metrics."""
        import pandas as pd

        frames = [_frame(self.validation, THIS, users)]
        for protocol in self.protocols:
            frames += [_frame(protocol.test, THIS, users)]
            frames += [_frame(report, name, users) for name, report in protocol.baselines.items()]
        return pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True)

    def ranks(self, users: Vocabulary, items: Vocabulary) -> pd.DataFrame:
        """One row per ranked test item of this model under the main protocol, those of a user by item index.

        user_id, item_id, part, protocol, rank (none where it counts as a miss, eval.cold), and candidates: how many it
        was ranked among, itself included. Each metric of per_user can be computed from a user's ranks and candidates.
        """
        import pandas as pd

        ranking = self.test.ranks
        n = np.diff(ranking.indptr)
        misses = ranking.ranks == MISS
        return pd.DataFrame(
            {
                "user_id": [users.id(user) for user in np.repeat(ranking.users, n).tolist()],
                "item_id": [items.id(item) for item in ranking.items.tolist()],
                "part": self.test.part,
                "protocol": self.test.protocol,
                "rank": pd.arrays.IntegerArray(np.where(misses, 0, ranking.ranks), misses),
                "candidates": ranking.candidates if isinstance(ranking, SetRanks) else np.repeat(ranking.candidates, n),
            }
        )


def sets_for(dataset: Dataset, split: Split, config: EvalConfig, seed: int) -> dict[Part, CandidateSets]:
    """The candidate sets of each part under the settings; none under full ranking alone.

    `dataset` is the one that was split. Under "both" only test has sets: full ranking decides while training. A part
    without positives has an empty collection of sets. Raises DataError where the settings ask for stored sets and there
    are none.
    """
    parts: dict[str, tuple[Part, ...]] = {"candidates": ("validation", "test"), "both": ("test",)}
    return {
        part: candidate_sets(dataset, split, part, config, seed) if split.positives(part).nnz else _no_sets(part)
        for part in parts.get(config.protocol, ())
    }


def sets_frame(sets: Mapping[Part, CandidateSets]) -> pd.DataFrame:
    """The sets as a run keeps them, a row each, by the vocabulary's indices: part, user, item, negatives."""
    import pandas as pd

    frames = [
        pd.DataFrame(
            {
                "part": part,
                "user": of_part.user,
                "item": of_part.answer,
                "negatives": np.split(of_part.negatives, of_part.offsets[1:-1]) if len(of_part) else [],
            }
        )
        for part, of_part in sets.items()
    ]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({"part": []})


def evaluate_with_baselines(
    model: Scorer,
    baselines: Mapping[str, Scorer],
    split: Split,
    config: EvalConfig,
    *,
    seed: int,
    sets: Mapping[Part, CandidateSets] | None = None,
    progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> RunEvaluation:
    """Evaluate the model on validation and test, and each baseline on test, by the same protocol and users.

    `sets` are those of `sets_for`, and needed where the protocol is not full ranking alone (ValueError). The lists of
    full ranking on test are also evaluated beyond accuracy (beyond_accuracy.py).
    """
    sets = sets or {}
    main = None if config.protocol != "candidates" else _required(sets, "test")
    sets_of_protocols = [main] if config.protocol != "both" else [None, _required(sets, "test")]
    for_validation = None if main is None else _required(sets, "validation")
    steps = _Steps(1 + len(sets_of_protocols) * (1 + len(baselines)), max(1, split.interactions.n_users), progress)
    validation = evaluate(
        model, split, "validation", config, candidates=for_validation, progress=steps.next(), stop=stop
    )
    protocols = []
    for candidates in sets_of_protocols:
        reports = {
            name: evaluate(
                scorer,
                split,
                "test",
                config,
                candidates=candidates,
                lists=max(config.ks) if candidates is None else 0,
                progress=steps.next(),
                stop=stop,
            )
            for name, scorer in ({THIS: model} | dict(baselines)).items()
        }
        fingerprint = None if candidates is None else candidates.fingerprint(split.interactions)
        protocols.append(_protocol_report(reports, fingerprint, config.monitor, seed))
    return RunEvaluation(validation, _intervals({THIS: validation}, seed)[THIS], tuple(protocols), config.monitor)


def _protocol_report(
    reports: Mapping[str, EvaluationReport], fingerprint: str | None, monitor: str, seed: int
) -> ProtocolReport:
    """All reports are of the same users under the same protocol; the model's own is THIS."""
    test = reports[THIS]
    others = {name: report for name, report in reports.items() if name != THIS}
    paired = {
        name: paired_test(test.per_user[monitor], report.per_user[monitor], seed)
        for name, report in others.items()
        if test.n_users_evaluated
    }
    intervals = _intervals(reports, seed)
    own = intervals.pop(THIS)
    return ProtocolReport(test, others, paired, own, intervals, fingerprint)


def _intervals(reports: Mapping[str, EvaluationReport], seed: int) -> dict[str, dict[str, tuple[float, float]]]:
    """Intervals of every mean of reports over the same users: they share their resamples."""
    columns = [(name, metric, values) for name, report in reports.items() for metric, values in report.per_user.items()]
    intervals: dict[str, dict[str, tuple[float, float]]] = {name: {} for name in reports}
    if not columns or columns[0][2].size < 2:  # one user has no interval
        return intervals
    ends = bootstrap_ends(np.column_stack([values for _, _, values in columns]), seed)
    for (name, metric, _), pair in zip(columns, ends, strict=True):
        intervals[name][metric] = pair
    return intervals


def _required(sets: Mapping[Part, CandidateSets], part: Part) -> CandidateSets:
    if part not in sets:
        raise ValueError(f"this protocol needs candidate sets of the {part} part: pass those of sets_for")
    return sets[part]


def _no_sets(part: Part) -> CandidateSets:
    empty = np.zeros(0, dtype=np.int32)
    return CandidateSets(empty, empty, np.zeros(1, dtype=np.int64), empty, f"none, since there is no {part} part")


def _frame(report: EvaluationReport, model: str, users: Vocabulary) -> pd.DataFrame:
    import pandas as pd

    ids = [users.id(user) for user in report.users.tolist()]
    columns = {
        "user_id": ids,
        "part": report.part,
        "protocol": report.protocol,
        "model": model,
        "n_positives": np.diff(report.ranks.indptr),
    }
    return pd.DataFrame(columns | dict(report.per_user))


def _plain(intervals: Intervals) -> dict[str, list[float]]:
    return {name: list(pair) for name, pair in intervals.items()}


@dataclass(slots=True)
class _Steps:
    """The progress of several evaluations as one."""

    n: int
    size: int
    progress: Callable[[Progress], None] | None
    begun: int = field(default=0)

    def next(self) -> Callable[[int, int], None]:
        """The progress callback of the next evaluation."""
        number = self.begun
        self.begun += 1

        def report(done: int, total: int) -> None:
            if self.progress is not None:
                done_in_all = self.size * number + self.size * done // max(1, total)
                self.progress(Progress("evaluation", 0, 0, "users", done_in_all, self.size * self.n))

        return report
