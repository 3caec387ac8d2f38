"""Validation: one recipe judged on every row that is not sealed, by folds that never trained what judges them."""
