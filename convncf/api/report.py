"""Report: how well a model, or ranked lists from any source, rank one part of a split; by raw id, and as a table.

Shapes: U evaluated users, N ranked positives.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from convncf.api.arguments import same_ids
from convncf.api.dataset import Split
from convncf.api.ranked_lists import report_of_lists
from convncf.api.scorer import Scorer, as_split
from convncf.api.settings import eval_settings
from convncf.config import EvalConfig
from convncf.data.split import Part
from convncf.errors import ConfigError, ConvNCFError, DataError, UnknownMetricError, did_you_mean
from convncf.evaluation import report as core
from convncf.evaluation.baselines import sets_for
from convncf.evaluation.metrics import MISS, parse
from convncf.evaluation.significance import bootstrap_ends

if TYPE_CHECKING:
    import pandas as pd

_PARTS: Final = ("validation", "test")
_NOTES: Final = 4
_WIDTH: Final = 160


class MetricValues(dict[str, float]):
    """Written name -> value. Raises UnknownMetricError for a metric that was not computed, naming those that were."""

    def __missing__(self, name: str) -> float:
        cut_off = str(name).partition("@")[2]
        remedy = f" For another cut-off: convncf.evaluate(model, split, ks=({cut_off},))." if cut_off.isdigit() else ""
        raise UnknownMetricError(f"metric {name!r} was not computed. {did_you_mean(str(name), list(self))}{remedy}")


class Report:
    """How well something ranks a part of a split. Made by `convncf.evaluate`; printed, it is a short table.

    Example:
        >>> import convncf
        >>> split = convncf.datasets.load("movielens-small").split(seed=1, min_item=100)
        >>> report = convncf.evaluate(convncf.fit(split, "popularity"), split)
        >>> round(report.metrics["NDCG@10"], 4), report.per_user.shape
        (0.1688, (642, 20))
    """

    def __init__(self, report: core.EvaluationReport, split: Split, name: str) -> None:
        self.report, self.split, self.name = report, split, name

    @property
    def metrics(self) -> MetricValues:
        """Mean over the evaluated users by written name, such as "NDCG@10"; empty where no user could be evaluated."""
        return MetricValues(self.report.metrics)

    @property
    def part(self) -> str:
        """validation or test."""
        return self.report.part

    @property
    def protocol(self) -> str:
        """Full ranking, or candidates and their origin, in words."""
        return self.report.protocol

    @property
    def n_users(self) -> int:
        """Users who were evaluated."""
        return self.report.n_users_evaluated

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know when reading the numbers, a sentence each."""
        return self.report.notes

    @cached_property
    def per_user(self) -> pd.DataFrame:
        """(U, metrics) the value of each evaluated user, by raw id (the index, user_id); n_positives beside them."""
        import pandas as pd

        users = self.split.interactions.users
        index = pd.Index([users.id(user) for user in self.report.users.tolist()], name="user_id", dtype=object)
        counts = {"n_positives": np.diff(self.report.ranks.indptr)}
        return pd.DataFrame(counts | dict(self.report.per_user), index=index)

    @cached_property
    def ranks(self) -> pd.DataFrame:
        """(N, 3) user_id, item_id and rank of every positive; no rank (NA) where it counts as a miss."""
        import pandas as pd

        ranks, data = self.report.ranks, self.split.interactions
        missed = ranks.ranks == MISS
        return pd.DataFrame(
            {
                "user_id": [data.users.id(u) for u in np.repeat(ranks.users, np.diff(ranks.indptr)).tolist()],
                "item_id": [data.items.id(item) for item in ranks.items.tolist()],
                "rank": pd.arrays.IntegerArray(np.where(missed, 0, ranks.ranks), missed),
            }
        )

    @cached_property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """95% interval of each mean, by a bootstrap over users; empty where fewer than two were evaluated."""
        if self.n_users < 2:
            return {}
        values = np.column_stack(list(self.report.per_user.values()))
        return dict(zip(self.report.per_user, bootstrap_ends(values, self.split.seed), strict=True))

    def __repr__(self) -> str:
        report = self.report
        sizes = f"{self.n_users:,} of {report.n_users:,} users, {self.split.n_items:,} items"
        lines = [f"{self.name} on {self.part}: {self.protocol}, {sizes}"]
        ks = sorted({int(k) for _, sign, k in (name.partition("@") for name in report.metrics) if sign})
        if ks and len(ks) <= 12:
            lines.append(f"{'':10}" + "".join(f"{f'@{k}':>9}" for k in ks))
        for kind in dict.fromkeys(name.partition("@")[0] for name in report.metrics):
            values = [report.metrics.get(f"{kind}@{k}") for k in ks[:12]] if kind not in report.metrics else []
            shown = values or [report.metrics[kind]]
            lines.append(f"{kind:10}" + "".join(f"{'':9}" if value is None else f"{value:9.4f}" for value in shown))
        lines.append(report.excluded)
        lines += [note if len(note) <= _WIDTH else f"{note[:_WIDTH]}…" for note in self.notes[:_NOTES]]
        return "\n".join(
            [*lines, *([f"and {len(self.notes) - _NOTES} more notes"] if len(self.notes) > _NOTES else [])]
        )


def evaluate(
    model: Scorer | pd.DataFrame,
    split: Split,
    /,
    *,
    part: str = "test",
    protocol: str = "full",
    **settings: Any,
) -> Report:
    """Rank the held-out items of every user and report HR, NDCG, MRR, Recall, Precision and MAP at each K, and AUC.

    Args:
        model: a FittedModel, a Scorer, or ranked lists from any source: a DataFrame of user_id, item_id and rank (from
            1) or score (the higher the better). What a list does not hold counts as a miss.
        split: the one that the model was fitted on.
        part: "test" or "validation".
        protocol: "full" ranks against every item that is not excluded, "candidates" within sets of negatives.
        **settings: those of `eval.*` by their names: ks=(5, 10, 20), monitor, cold, and negatives of candidate sets.

    Returns:
        A Report.

    Raises:
        ConvNCFError: the model is of another split, an id is unknown, K is above the catalogue, or a score is NaN.

    Example:
        >>> import convncf, pandas as pd
        >>> split = convncf.datasets.load("movielens-small").split(seed=1, min_item=100)
        >>> report = convncf.evaluate(convncf.fit(split, "ease"), split, ks=(10,))
        >>> sorted(report.metrics)
        ['AUC', 'HR@10', 'MAP@10', 'MRR@10', 'NDCG@10', 'Precision@10', 'Recall@10']
    """
    split = as_split(split, "evaluate")
    return evaluated(model, split, part_of(part), eval_settings(protocol, settings, split.n_items))


def part_of(part: object) -> Part:
    """validation or test. Raises ConfigError."""
    if part not in _PARTS:
        hint = did_you_mean(str(part), _PARTS)
        raise ConfigError(f"part {part!r} cannot be reported on. {hint}")
    return part


def evaluated(model: Any, split: Split, part: Part, config: EvalConfig, name: str = "") -> Report:
    """`evaluate`, with the settings as one value; a report is checked against them."""
    import pandas as pd

    if isinstance(model, Report):
        return _checked_report(model, split, part, config, name)
    if isinstance(model, pd.DataFrame):
        if config.protocol != "full":
            raise ConfigError("ranked lists are evaluated by full ranking: omit protocol=.")
        return Report(report_of_lists(model, split, part, config), split, name or "lists")
    if not isinstance(model, Scorer):
        raise ConvNCFError(
            f"{type(model).__name__} cannot be evaluated. Give a model of convncf.fit or convncf.load, "
            "convncf.Scorer.from_function(…), or a DataFrame of user_id, item_id and score."
        )
    refuse_other_split(model.split, split, f"model {model.name!r}")
    sets = sets_for(split.dataset, split, config, split.seed) if config.protocol == "candidates" else {}
    report = core.evaluate(model.model, split, part, config, candidates=sets.get(part))
    return Report(report, split, name or model.name)


def refuse_other_split(of_model: Split, split: Split, what: str) -> None:
    """Raises DataError unless both are the same split of the same pairs."""
    same_ids(of_model.interactions, split.interactions, what)
    if of_model.fingerprint == split.fingerprint:
        return
    leaked = int((of_model.train.astype(np.int8).multiply(split.test.astype(np.int8))).sum())
    raise DataError(
        f"{what} is of another split ({of_model.method}; this one: {split.method}): its training part holds {leaked:,} "
        f"of the {split.test.nnz:,} test pairs, so its metrics would be wrong. Use model.split."
    )


def _checked_report(report: Report, split: Split, part: Part, config: EvalConfig, name: str) -> Report:
    """The report itself, where it is of the same part, protocol and metric."""
    refuse_other_split(report.split, split, f"the report of {report.name!r}")
    full = report.report.sets is None
    if report.part != part or full != (config.protocol == "full"):
        raise ConfigError(
            f"the report of {report.name!r} is on {report.part} by {report.protocol}, and {part} by "
            f"{'full ranking' if config.protocol == 'full' else 'candidates'} was asked for. Evaluate the model so."
        )
    if report.metrics and config.monitor not in report.metrics:
        raise ConfigError(
            f"the report of {report.name!r} has no {parse(config.monitor)}. Evaluate the model at that K."
        )
    return Report(report.report, split, name or report.name)
