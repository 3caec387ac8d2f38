"""Evaluation: the scores of a set, exact over the set, each with an interval and beside baselines."""
