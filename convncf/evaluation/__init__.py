"""Evaluation: how well a scorer ranks one part of a split, by full ranking or within candidate sets."""

from convncf.evaluation.report import FULL, LEFT_OUT, EvaluationReport, evaluate, sample_users

__all__ = ["FULL", "LEFT_OUT", "EvaluationReport", "evaluate", "sample_users"]
