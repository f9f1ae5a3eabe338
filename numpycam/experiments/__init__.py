"""Experiments with known truth: drawings with masks, networks that are trained on them."""
