"""Hints that several checks give."""

import re
from collections.abc import Callable

RELU_TOO_EARLY = "There is a ReLU before the sum: first add up, then ReLU."
NORMALISED = "You divide by the maximum: that is for the picture only, so leave it out."
TRANSPOSED = "Rows and columns are exchanged: keep the shape (H, W)."
WRONG_AXIS = "That is a sum along a wrong axis: add up the maps along axis=0. The other axes are the cells."
MEAN_OF_MAPS = "That is the mean over the maps: take their sum."
KEEPDIMS = "Right, but return one number for each map, in the shape (K,): no keepdims."
ENDS_PYTHON = "Your function ends Python, as exit() does: return a result instead."
CALLS_OURS = "Your function calls numpycam's own {}, which does the exercise: write it yourself."
LEAST_IS_0 = (
    "That is min-max: it makes 0 of the least cell, as if nothing spoke for the class there. Divide by the maximum, "
    "and subtract nothing."
)
ONLY_THE_EXAMPLE = "That is right for the worked example only: compute it from the arguments."


def advise_on_any(error: Exception) -> str:
    """Return a sentence about an error that beginners meet everywhere, or ""."""
    text = str(error)
    if "ellipsis" in text:
        return "(Some dots are still there: replace them.)"
    if "truth value of an array" in text:
        return "(max, if and `and` take one number. np.maximum and np.where go cell by cell.)"
    if "Rational instances" in text:
        return "(Fraction takes whole numbers and Fractions, no floats: take int(…) of a float that is whole.)"
    length = re.search("out of bounds for axis [0-9]+ with size ([0-9]+)", text)
    if length:
        return f"(That axis has the length {length[1]} here: take it from the argument, and write no number.)"
    if "aligned" in text or "matmul" in text:
        return "(dot and @ add up along one axis of each: write the product cell by cell, then add up along axis=0.)"
    return ""


def advise_on_shapes(advice: str) -> Callable[[Exception], str]:
    """Return a function that gives this advice where arrays of different shapes do not fit each other."""
    return lambda error: advice if isinstance(error, ValueError) and "broadcast" in str(error) else ""


advise_on_alphas = advise_on_shapes(
    "(α has the shape (K,), A has (K, H, W): write alphas[:, None, None] * feature_maps.)"
)
