"""The bug museum: mistakes that people really make, each with the law or the test that finds it.

An exhibit replaces one function of the package by a wrong one. The named law or test must fail then; if
it does not, it is too weak. Some mistakes break no equation between two passes, because they are consistent with
themselves: only a definition or a convention finds those.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import test_interventions
import test_metrics
import test_path
import test_resize
import test_targets
from core import test_steps
from display import test_pixels
from experiments import test_training
from laws import test_ours
from laws.ours import OURS
from methods import test_cams, test_saliency, test_wrappers

from numpycam import AvgPool2d, Conv2d, MaxPool2d, ReLU, interventions, metrics, resize
from numpycam.core import arguments, steps
from numpycam.core.arrays import sum_of, zero_of, zeros
from numpycam.core.window import Window
from numpycam.experiments import training
from numpycam.laws import BOOKS
from numpycam.laws.engine import examine
from numpycam.laws.subject import Subject
from numpycam.methods import cams, saliency, wrappers

conv_forward, conv_backward = Conv2d.forward, Conv2d.backward
relu_backward, avg_backward, max_forward = ReLU.backward, AvgPool2d.backward, MaxPool2d.forward
erase, deletion_curve = interventions.erase, metrics.deletion_curve
output_size, scatter, resize_axis = Window.output_size, Window.scatter, resize._resize_axis
overlaps, score_of = Window.overlaps, steps.score_of


def flipped(layer):
    return replace(layer, weight=layer.weight[:, :, ::-1, ::-1])


class Exhibit(NamedTuple):
    mistake: str
    where: Any
    name: str
    wrong: Callable[..., Any]
    found_by: Callable[..., Any]


def true_convolution_forward(self, x):
    return conv_forward(flipped(self), x)


def unflipped_kernel_backward(self, grad_output, x):
    return conv_backward(flipped(self), grad_output, x)


def overlaps_of_a_turned_kernel(self, *where):
    return overlaps(self, *where)[::-1]


def size_rounded_up(self, height, width):
    sides = zip((height, width), self.size, self.stride, self.padding, self.dilation, strict=True)
    return tuple(-(-(n + 2 * p - d * (k - 1) - 1) // s) + 1 for n, k, s, p, d in sides)


def size_without_dilation(self, height, width):
    return output_size(replace(self, dilation=(1, 1)), height, width)


def stride_of_one_axis(self, height, width):
    return output_size(replace(self, stride=(self.stride[0], self.stride[0])), height, width)


def relu_gate_by_the_sign_of_the_gradient(self, grad_output, x):
    return np.where(grad_output <= 0, zero_of(grad_output), grad_output)


def relu_without_a_gate(self, grad_output, x):
    return grad_output.copy()


def relu_gate_open_at_zero(self, grad_output, x):
    return np.where(x < 0, zero_of(grad_output), grad_output)


def relu_mask_from_the_output(self, grad_output, x):
    return np.where(self.forward(x) >= 0, grad_output, zero_of(grad_output))


def relu_that_overwrites_the_gradient(self, grad_output, x):
    if not grad_output.flags.writeable:  # as at a network's output, where NumPy refuses
        grad_output = grad_output.copy()
    grad_output[x <= 0] = zero_of(grad_output)
    return grad_output


def relu_that_swallows_nan(self, x):
    return np.where(x > 0, x, zero_of(x))


def average_pool_that_forgets_to_divide(self, grad_output, x):
    return avg_backward(self, grad_output, x) * (self.kernel_size[0] * self.kernel_size[1])


def scatter_where_the_last_write_wins(self, pieces, shape, like):
    (top, left), (*rest, height, width) = self.padding, shape
    padded = zeros((*rest, height + 2 * top, width + 2 * left), like)
    for view, piece in zip(self._views(padded), pieces, strict=True):
        view[piece != 0] = piece[piece != 0]
    return padded[..., top : top + height, left : left + width]


def max_pool_gradient_to_every_tied_cell(self, grad_output, x):
    y, real = max_forward(self, x), self.window.taps(np.ones(x.shape[2:], dtype=bool))
    taps = zip(self.taps(x), real, strict=True)
    pieces = [np.where((tap == y) & cell, grad_output, zero_of(grad_output)) for tap, cell in taps]
    return self.window.scatter(pieces, x.shape, like=grad_output)


def max_pool_padded_with_zeros(self, x):
    return self.window.taps(x)


def average_as_a_sum(gradients):
    return sum_of(gradients, axis=(-2, -1))


def average_as_a_maximum(gradients):
    return gradients.max(axis=(-2, -1))


def average_over_the_maps(gradients):
    return np.broadcast_to(gradients.mean(axis=(-3, -2, -1), keepdims=True)[..., 0, 0], gradients.shape[:-2])


def alphas_rectified(gradients):
    return np.maximum(sum_of(gradients, (-2, -1)) / (gradients.shape[-2] * gradients.shape[-1]), zero_of(gradients))


def relu_before_the_sum(weighted_maps):
    return sum_of(np.maximum(weighted_maps, zero_of(weighted_maps)), axis=-3)


def absolute_value_for_relu(weighted_sum):
    return np.abs(weighted_sum)


def no_relu(weighted_sum):
    return weighted_sum


def gradient_of_the_softmax(class_index, scores, is_batch=True):
    score = score_of(class_index, scores, is_batch)
    powers = 1 / (1 + scores * scores)  # any rational function with weights that sum to 1 stands for exp
    p = powers / powers.sum(axis=1, keepdims=True)
    chosen = (p * score.gradient).sum(axis=1, keepdims=True)
    return score._replace(gradient=chosen * (score.gradient - p))


def resize_with_transposed_axes(maps, axis, m, method, align_corners):
    other = -1 if axis == -2 else -2
    return resize_axis(maps, other, m, method, align_corners)


def minimum_to_maximum(maps):
    maps = np.asarray(maps)
    low = maps.min(axis=(-2, -1), keepdims=True)
    high = maps.max(axis=(-2, -1), keepdims=True)
    return (maps - low) / np.where(high == low, zero_of(maps) + 1, high - low)


def an_epsilon_in_the_denominator(maps):
    return np.asarray(maps) / (np.abs(maps).max(axis=(-2, -1), keepdims=True) + 1e-7)


def bytes_that_wrap(picture):
    return np.rint(255 * np.asarray(picture)).astype(int).astype(np.uint8)


def rivals_without_a_gate(self, x):
    return x[None]


def rivals_without_a_window(self, x):
    return max_forward(self, x)[None]


def window_scattered_without_padding(self, pieces, shape, like):
    wide = scatter(
        replace(self, padding=(0, 0)), pieces, [n + 2 * p for n, p in zip(shape, self.padding, strict=True)], like
    )
    return wide[..., : shape[-2], : shape[-1]]


def erase_the_rest(image, where, baseline=0):
    return erase(image, ~where if isinstance(where, np.ndarray) else where, baseline)


def the_coldest_first(network, image, heat, *arguments, **options):
    return deletion_curve(network, image, heat.max() - heat, *arguments, **options)


def share_with_an_epsilon(part, whole):
    return part / (whole + 1e-7)


def objects_by_numpy(values):
    given = [*values]
    return np.full(len(given), given[0])


def an_option_left_as_it_is(method, name, value):
    return value


def whatever_progress_yields(progress, runs, what):
    return progress(runs)


def every_pool_with_one_output_for_each_map(pooling, a):
    return True


def a_known_gradient_everywhere(image):
    return np.zeros_like(image)


def no_scale(x, axis):
    return x, 0


def mean_of_a_sum(terms):
    with np.errstate(over="ignore"):
        return float(terms.mean())


def law(operation, id):
    """Return a test that a law of a book holds for our own function."""

    def test():
        assert not examine(Subject(BOOKS[operation], OURS[operation]), [id]).broken

    return test


def choice(operation):
    """Return the test that our own function follows our convention."""
    return partial(
        test_ours.test_where_right_functions_differ_ours_choose_this, operation, test_ours.CHOICES[operation]
    )


MUSEUM = [
    Exhibit("true convolution forward, not backward", Conv2d, "forward", true_convolution_forward,
            law("conv2d", "adjoint-x")),
    Exhibit("kernel not flipped in the input gradient", Conv2d, "backward", unflipped_kernel_backward,
            law("conv2d", "adjoint-x")),
    Exhibit("true convolution, consistently", Window, "overlaps", overlaps_of_a_turned_kernel,
            law("conv2d", "definition")),
    Exhibit("output size rounded up", Window, "output_size", size_rounded_up,
            law("conv2d", "size")),
    Exhibit("output size without dilation", Window, "output_size", size_without_dilation,
            law("conv2d", "size")),
    Exhibit("stride of the rows for the columns", Window, "output_size", stride_of_one_axis,
            law("conv2d", "size")),
    Exhibit("ReLU masked by the gradient", ReLU, "backward", relu_gate_by_the_sign_of_the_gradient,
            law("relu", "linear-u")),
    Exhibit("ReLU backward without a gate", ReLU, "backward", relu_without_a_gate,
            law("relu", "euler")),
    Exhibit("ReLU gate open at zero: no law finds it", ReLU, "backward", relu_gate_open_at_zero,
            choice("relu")),
    Exhibit("ReLU mask from the output with >=, always true", ReLU, "backward", relu_mask_from_the_output,
            law("relu", "gate")),
    Exhibit("upstream gradient overwritten in place", ReLU, "backward", relu_that_overwrites_the_gradient,
            law("relu", "pure")),
    Exhibit("NaN swallowed by the ReLU", ReLU, "forward", relu_that_swallows_nan,
            law("relu", "nan")),
    Exhibit("average pool backward forgets 1/k²", AvgPool2d, "backward", average_pool_that_forgets_to_divide,
            law("avg_pool2d", "adjoint")),
    Exhibit("pool backward with = for +=", Window, "scatter", scatter_where_the_last_write_wins,
            law("max_pool2d", "mass")),
    Exhibit("max pool gradient to every tied cell", MaxPool2d, "backward", max_pool_gradient_to_every_tied_cell,
            choice("max_pool2d")),
    Exhibit("max pool padded with zeros", MaxPool2d, "taps", max_pool_padded_with_zeros,
            law("max_pool2d", "definition")),
    Exhibit("average of the gradients as a sum", steps, "compute_alphas", average_as_a_sum,
            law("grad_cam", "alphas")),
    Exhibit("average of the gradients as a maximum", steps, "compute_alphas", average_as_a_maximum,
            law("grad_cam", "linear-g")),
    Exhibit("average over the wrong axes", steps, "compute_alphas", average_over_the_maps,
            law("grad_cam", "alphas")),
    Exhibit("ReLU on the alphas", steps, "compute_alphas", alphas_rectified,
            law("grad_cam", "halves")),
    Exhibit("ReLU before the sum", steps, "compute_weighted_sum", relu_before_the_sum,
            law("grad_cam", "weighted-sum")),
    Exhibit("absolute value for ReLU", steps, "compute_localization_map", absolute_value_for_relu,
            law("grad_cam", "apart")),
    Exhibit("no ReLU", steps, "compute_localization_map", no_relu, law("grad_cam", "not-negative")),
    Exhibit("gradient of the softmax, not of the score", steps, "score_of", gradient_of_the_softmax,
            test_steps.test_cam_is_that_of_its_maps_and_gradients),
    Exhibit("a path that looks at no ReLU", ReLU, "rivals", rivals_without_a_gate,
            test_path.test_path_is_the_score_and_complete),
    Exhibit("a path that looks at no maximum", MaxPool2d, "rivals", rivals_without_a_window,
            test_path.test_path_is_the_score_and_complete),
    Exhibit("a receptive field without its padding", Window, "scatter", window_scattered_without_padding,
            test_interventions.test_a_cell_sees_the_pixels_that_change_it),
    Exhibit("everything erased but the patch", interventions, "erase", erase_the_rest,
            test_interventions.test_of_an_affine_network_a_patch_costs_its_gradient_times_image_less_baseline),
    Exhibit("a map scaled from minimum to maximum before its threshold", metrics, "normalise", minimum_to_maximum,
            test_metrics.test_intersection_over_union_is_its_definition_for_every_threshold),
    Exhibit("an epsilon in the denominator of a share", metrics, "share", share_with_an_epsilon,
            test_metrics.test_the_metrics_of_maps_worked_out_by_hand),
    Exhibit("the coldest pixels deleted first", test_metrics, "deletion_curve", the_coldest_first,
            test_metrics.test_an_affine_network_falls_by_the_heat_that_is_gone),
    Exhibit("resize with transposed axes", resize, "_resize_axis", resize_with_transposed_axes,
            test_resize.test_resizing_is_linear_interpolation_by_its_definition),
    Exhibit("minimum to maximum after the ReLU", resize, "normalise", minimum_to_maximum,
            law("normalise", "definition")),
    Exhibit("an epsilon in the denominator", resize, "normalise", an_epsilon_in_the_denominator,
            law("normalise", "any-scale")),
    Exhibit("a target that is a sequence, too, taken apart by NumPy", arguments, "objects", objects_by_numpy,
            test_targets.test_a_target_that_is_a_sequence_turns_no_sign),
    Exhibit("a baseline that stays while the image is mirrored", wrappers, "_mirrored_option", an_option_left_as_it_is,
            test_wrappers.test_a_baseline_is_mirrored_with_the_image),
    Exhibit("a progress bar that drops steps", training, "followed", whatever_progress_yields,
            partial(test_training.test_steps_that_progress_leaves_out_doubles_or_moves_are_told,
                    lambda steps: list(steps)[:1], "got 1.")),
    Exhibit("the mean of a part of each map taken for CAM's", cams, "_averages_each_map",
            every_pool_with_one_output_for_each_map,
            partial(test_cams.test_cam_takes_no_other_pool_for_a_mean_of_whole_maps, AvgPool2d((3, 6)), np.float64)),
    Exhibit("a gradient where the pixel is NaN", saliency, "_unknown", a_known_gradient_everywhere,
            partial(test_saliency.test_nan_in_one_image_of_a_batch_is_seen_in_its_map_alone, saliency.gradient)),
    Exhibit("shares of a sum that overflows", steps, "split_scale", no_scale,
            partial(test_steps.test_shares_are_right_where_their_sum_overflows, 1022)),
    Exhibit("a mean whose sum overflows", training, "_mean", mean_of_a_sum,
            partial(test_training.test_a_mean_loss_does_not_overflow_where_its_sum_does, np.float64, 2)),
    Exhibit("bytes that wrap", test_pixels, "as_uint8", bytes_that_wrap,
            test_pixels.test_bytes_are_clipped_rounded_and_then_cast),
]  # fmt: skip
