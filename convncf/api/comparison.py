"""Comparison: several models on one split, each against the first, with paired tests over users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from convncf.api.drawing import figures, theme_or_default
from convncf.api.report import Report, evaluated, part_of
from convncf.api.scorer import Scorer, as_split
from convncf.api.settings import eval_settings
from convncf.errors import ConvNCFError
from convncf.evaluation.significance import PairedTest, holm, paired_test

if TYPE_CHECKING:
    import pandas as pd

    from convncf.api.dataset import Split
    from convncf.figures import Theme

_SHOWN: Final = 14
_NAME: Final = 28
_MORE_COLUMNS: Final = ("HR@10", "Recall@10")
_LEVEL: Final = 0.05


class Comparison:
    """Models side by side over the same users; the first is the baseline. Made by `convncf.compare`.

    Example:
        >>> import convncf
        >>> split = convncf.datasets.load("movielens-small").split(seed=1, min_item=100)
        >>> models = {name: convncf.fit(split, name) for name in ("popularity", "ease")}
        >>> convncf.compare(models, split).table[["NDCG@10", "difference"]].round(3).to_dict("index")["ease"]
        {'NDCG@10': 0.357, 'difference': 0.188}
    """

    def __init__(self, reports: Mapping[str, Report], monitor: str, seed: int) -> None:
        self.reports, self.monitor = dict(reports), monitor
        self.baseline = next(iter(self.reports))
        base = self.reports[self.baseline].per_user
        self.paired: dict[str, PairedTest] = {}
        """Name -> that model minus the baseline in the monitored metric, over the users that both have."""
        for name, report in self.reports.items():
            common = base.index.intersection(report.per_user.index, sort=False)
            if name != self.baseline and len(common):
                values, baseline = (frame.loc[common, monitor].to_numpy() for frame in (report.per_user, base))
                self.paired[name] = paired_test(values, baseline, seed)
        adjusted = holm([test.p_value for test in self.paired.values()])
        self.adjusted: dict[str, float] = dict(zip(self.paired, adjusted, strict=True))
        """Name -> the p-value, adjusted for the number of comparisons (Holm)."""

    @property
    def table(self) -> pd.DataFrame:
        """A row a model: every metric; then difference, low and high (95%), p and p_adjusted against the baseline."""
        import pandas as pd

        rows: dict[str, dict[str, float | None]] = {}
        for name, report in self.reports.items():
            test = self.paired.get(name)
            tested: dict[str, float | None] = {
                "difference": None if test is None else test.difference,
                "low": None if test is None else test.low,
                "high": None if test is None else test.high,
                "p": None if test is None else test.p_value,
                "p_adjusted": self.adjusted.get(name),
            }
            rows[name] = {**report.metrics, **tested}
        frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")
        tests = ["difference", "low", "high", "p", "p_adjusted"]
        return frame[[name for name in frame.columns if name not in tests] + tests].astype(float)

    def plot(self, theme: Theme | None = None, metrics: tuple[str, ...] | None = None) -> Any:
        """Metrics of all models as dots with their 95% intervals, as a plotly figure.

        Args:
            theme: `convncf.figures.LIGHT` unless given.
            metrics: names, in the order of the rows; those at the K of the monitored one unless given.

        Raises:
            ConvNCFError: plotly is not installed, or no model has such a metric.
        """
        known = list(dict.fromkeys(name for report in self.reports.values() for name in report.metrics))
        k = self.monitor.partition("@")[2]
        names = [name for name in known if name.partition("@")[2] == k] if metrics is None else list(metrics)
        unknown = next((name for name in names if name not in known), None)
        if unknown is not None:
            raise ConvNCFError(f"no model here has the metric {unknown!r}. Known: {', '.join(known)}.")
        return figures().comparison.metrics(
            {name: report.metrics for name, report in self.reports.items()},
            theme_or_default(theme),
            baseline=self.baseline,
            names=names,
            intervals={name: report.intervals for name, report in self.reports.items()},
        )

    def words(self, name: str) -> str:
        """What the test says of a model against the baseline, in a sentence."""
        if name not in self.paired:
            raise ConvNCFError(
                f"{name!r} has no test: it is the baseline itself, or not among the models. "
                f"With one: {', '.join(map(repr, self.paired)) or 'none'}."
            )
        test, p = self.paired[name], self.adjusted[name]
        verdict = "significant" if p < _LEVEL else "no significant difference"
        return f"{test.in_words(name, self.baseline)}: {verdict} (adjusted p = {p:.3f})."

    def __repr__(self) -> str:
        first = next(iter(self.reports.values()))
        monitor = self.monitor
        others = [name for name in _MORE_COLUMNS if name != monitor and name in first.metrics]
        head = f"{first.part}, {first.protocol}, {first.n_users:,} users, {first.split.n_items:,} items"
        columns = [monitor, *others]
        lines = [head, f"{'':{_NAME}}" + "".join(f"{name:>11}" for name in columns) + "  against the first"]
        for name, report in list(self.reports.items())[:_SHOWN]:
            label = name if len(name) < _NAME else f"{name[: _NAME - 2]}…"
            values = "".join(_figure(report.metrics.get(column)) for column in columns)
            lines.append(f"{label:{_NAME}}{values}  {self._against(name)}")
        if len(self.reports) > _SHOWN:
            lines.append(f"and {len(self.reports) - _SHOWN} more: see .table")
        return "\n".join(lines)

    def _against(self, name: str) -> str:
        test = self.paired.get(name)
        if test is None:
            return "baseline" if name == self.baseline else "no user in common"
        p = self.adjusted[name]
        ends = "" if test.low is None or test.high is None else f" ({test.low:+.4f} to {test.high:+.4f})"
        verdict = "significant" if p < _LEVEL else "no significant difference"
        return f"{test.difference:+.4f}{ends}, adjusted p = {p:.3f}, {verdict}"


def _figure(value: float | None) -> str:
    return f"{'':11}" if value is None else f"{value:11.4f}"


def compare(
    models: Mapping[str, Scorer | Report | pd.DataFrame],
    split: Split,
    /,
    *,
    part: str = "test",
    protocol: str = "full",
    monitor: str = "NDCG@10",
    **settings: Any,
) -> Comparison:
    """Evaluate several models on the same users, and test each against the first.

    Args:
        models: name -> a FittedModel, a Scorer, a DataFrame of ranked lists, or a Report of `evaluate`; two or more.
        split: the one that all were fitted on.
        part, protocol: as in `evaluate`.
        monitor: the metric that is tested.
        **settings: others of `eval.*`, such as ks=(10, 50).

    Returns:
        A Comparison: `table`, `paired`, `plot()`.

    Raises:
        ConvNCFError: fewer than two models, one of another split, or what `evaluate` refuses.

    Example:
        >>> import convncf
        >>> split = convncf.datasets.load("movielens-small").split(seed=1, min_item=100)
        >>> models = {name: convncf.fit(split, name) for name in ("popularity", "itemknn")}
        >>> convncf.compare(models, split, monitor="HR@10").paired["itemknn"].n
        642
    """
    split = as_split(split, "compare")
    if not isinstance(models, Mapping):
        raise ConvNCFError(f"compare needs models by name, and got a {type(models).__name__}: {{'mine': model, …}}.")
    if len(models) < 2:
        raise ConvNCFError(f"a comparison needs two models or more, and got {len(models)}. Name another one.")
    config = eval_settings(protocol, settings | {"monitor": monitor}, split.n_items)
    evaluated_part = part_of(part)
    reports = {str(name): evaluated(model, split, evaluated_part, config, str(name)) for name, model in models.items()}
    without = next((name for name, report in reports.items() if monitor not in report.metrics), None)
    if without is not None:
        raise ConvNCFError(
            f"{without!r} has no {monitor} on {evaluated_part}. {' '.join(reports[without].notes)} "
            "Choose another metric with monitor=."
        )
    return Comparison(reports, monitor, split.seed)
