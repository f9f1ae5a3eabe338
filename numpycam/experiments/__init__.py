"""Experiments in which the truth is known: drawings with masks, and networks that are trained on them."""
