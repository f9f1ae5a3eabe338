"""Mistakes in the layers without a window: ReLU, Linear, and the loss on softmax."""

from collections.abc import Callable
from typing import Any

import numpy as np

from numpycam.laws import definitions
from numpycam.laws.layers import linear, relu, softmax_cross_entropy
from numpycam.laws.mistakes.conduct import (
    BUFFER,
    FLOAT32,
    LAST_CALL,
    NAN,
    WRITES,
    hiding_nan,
    in_float32,
    of_the_last_call,
    reusing_a_buffer,
)

Pass = Callable[..., Any]


# --- ReLU

relu.mistake(
    "leaky",
    "y",
    "Numbers below 0 keep a part of their size: this is a leaky ReLU. A ReLU makes them 0.",
    forward=lambda x: np.where(x > 0, x, x / 8),
    backward=lambda grad_output, x: np.where(x > 0, grad_output, grad_output / 8),
)
relu.mistake(
    "absolute-value",
    "y",
    "Numbers below 0 lose their sign: this is |x|. A ReLU makes them 0: max(x, 0).",
    forward=np.abs,
)
relu.mistake(
    "capped",
    "y",
    "Numbers above 6 are cut off: this is ReLU6. A ReLU has no upper end.",
    forward=lambda x: np.where(definitions.relu(x) > 6, x * 0 + 6, definitions.relu(x)),
)
relu.mistake(
    "gate-for-the-result",
    "y",
    "The result is the mask x > 0, not x where the mask is true. Multiply x by it.",
    forward=lambda x: np.where(x > 0, x * 0 + 1, x * 0),
)
relu.mistake(
    "mask-from-the-output",
    "dx",
    "The gate is never shut: y >= 0 is true everywhere, since y = max(x, 0). Use x > 0.",
    backward=lambda grad_output, x: np.where(definitions.relu(x) >= 0, grad_output, grad_output * 0),
)
relu.mistake(
    "guided",
    "dx",
    "Gradients below 0 are dropped as well: this is guided backpropagation. The gate looks at x alone.",
    backward=lambda grad_output, x: np.where((x > 0) & (grad_output > 0), grad_output, grad_output * 0),
)
relu.mistake(
    "gate-by-the-gradient",
    "dx",
    "The gate looks at the gradient: this is a deconvnet. It is open where x > 0, whatever comes back.",
    backward=lambda grad_output, x: definitions.relu(grad_output),
)
relu.mistake(
    "gate-alone",
    "dx",
    "dx is the slope alone, 0 or 1. Multiply it by the gradient that comes back.",
    backward=lambda grad_output, x: np.where(x > 0, x * 0 + 1, x * 0),
)
relu.mistake(
    "times-the-output",
    "dx",
    "The gradient is multiplied by relu(x). Multiply it by the slope, which is 1 where x > 0.",
    backward=lambda grad_output, x: grad_output * definitions.relu(x),
)
relu.mistake(
    "gate-the-wrong-way-round",
    "dx",
    "The gate is open where x < 0 and shut where x > 0. It is the other way round.",
    backward=lambda grad_output, x: np.where(x < 0, grad_output, grad_output * 0),
)
relu.mistake(
    "gate-open-at-zero",
    "dx",
    "At x = 0 the gate is open. No slope is wrong there, but PyTorch and JAX's nn.relu have 0: use x > 0.",
    backward=lambda grad_output, x: np.where(x >= 0, grad_output, grad_output * 0),
)
relu.mistake(
    "half-a-gate-at-zero",
    "dx",
    "At x = 0 half of the gradient passes, as through jnp.maximum(x, 0). Have a rule of your own there: use x > 0.",
    backward=lambda grad_output, x: np.where(x == 0, grad_output / 2, definitions.relu_backward(grad_output, x)),
)


relu.mistake("float32-inside", "y", FLOAT32, forward=in_float32(definitions.relu))


def _relu_in_place(x: Any) -> Any:
    x[x < 0] *= 0
    return x


relu.mistake(
    "in-place",
    "",
    "The input is overwritten by the result. Grad-CAM needs it: the feature maps are there. Make a new array.",
    forward=_relu_in_place,
)


def _relu_backward_in_place(grad_output: Any, x: Any) -> Any:
    grad_output[x <= 0] *= 0
    return grad_output


relu.mistake("gradient-in-place", "", WRITES, backward=_relu_backward_in_place)
relu.mistake(
    "returns-its-input",
    "",
    "Where nothing is negative, the input itself is returned, and what changes it changes the result. Copy it.",
    forward=lambda x: definitions.relu(x) if (x < 0).any() else x,
)
relu.mistake(
    "nan-swallowed",
    "",
    "NaN > 0 is false, so np.where(x > 0, x, 0) makes NaN 0 and hides it. Use np.maximum(x, 0).",
    forward=lambda x: np.where(x > 0, x, x * 0) if x.dtype == object else np.where(x > 0, x, 0.0),
)
relu.mistake(
    "small-numbers-cut-off",
    "",
    "Small numbers become 0. A ReLU has no threshold but 0 itself: compare with 0.",
    forward=lambda x: np.where(x > 1e-6, x, definitions.relu(x) * (x != x)),
)


relu.mistake("mask-of-the-last-call", "", LAST_CALL, backward=of_the_last_call(definitions.relu_backward, 1))
relu.mistake("buffer-used-again", "", BUFFER, forward=reusing_a_buffer(definitions.relu))


# --- Linear

_right = definitions.linear_backward


def _is_square(weight: Any) -> bool:
    return bool(weight.shape[0] == weight.shape[1])


linear.mistake(
    "weight-transposed",
    "y",
    "x @ W sums over the outputs. W is (outputs, features): write x @ W.T.",
    forward=lambda x, weight, bias=None: definitions.linear(x, weight.T if _is_square(weight) else weight, bias),
)
linear.mistake(
    "bias-forgotten",
    "y",
    "The bias is taken as an argument, and not added.",
    forward=lambda x, weight, bias=None: definitions.linear(x, weight),
)
linear.mistake(
    "relu-inside",
    "y",
    "The layer has a ReLU inside of it, so scores below 0 are lost. Keep the ReLU for a layer of its own.",
    forward=lambda x, weight, bias=None: definitions.relu(definitions.linear(x, weight, bias)),
)
linear.mistake(
    "weight-transposed-backward",
    "dx",
    "The forward pass has W.T, so the backward pass has W: dx = u @ W.",
    backward=lambda u, x, weight: (
        _right(u, x, weight.T if _is_square(weight) else weight)[0],
        *_right(u, x, weight)[1:],
    ),
)


def _updated_first(u: Any, x: Any, weight: Any) -> Any:
    _, dw, db = _right(u, x, weight)
    weight -= dw
    return _right(u, x, weight)[0], dw, db


linear.mistake(
    "weights-updated-first",
    "dx",
    "The weights are updated before dx is computed from them. Compute all gradients first, then take the step.",
    backward=_updated_first,
)
linear.mistake(
    "dw-transposed",
    "dw",
    "x.T @ u has the axes of W exchanged. W is (outputs, features): dW = u.T @ x.",
    backward=lambda u, x, weight: (
        _right(u, x, weight)[0],
        _right(u, x, weight)[1].T,
        _right(u, x, weight)[2],
    ),
)
linear.mistake(
    "mean-over-the-batch",
    "dw",
    "dW and db are divided by the number of pictures. They are sums: the loss divides by N, and u has it already.",
    backward=lambda u, x, weight: (
        _right(u, x, weight)[0],
        _right(u, x, weight)[1] / len(x),
        _right(u, x, weight)[2] / len(x),
    ),
)
linear.mistake(
    "last-picture-alone",
    "dw",
    "dW = … inside of the loop over the batch keeps the last picture's. Start with zeros and use +=.",
    backward=lambda u, x, weight: (_right(u, x, weight)[0], *_right(u[-1:], x[-1:], weight)[1:]),
)
linear.mistake(
    "bias-of-each-picture",
    "db",
    "db has a row for each picture. All pictures have the same bias, so sum over them: axis=0.",
    backward=lambda u, x, weight: (*_right(u, x, weight)[:2], u.copy()),
)
linear.mistake(
    "bias-over-the-wrong-axis",
    "db",
    "db has a number for each picture: the sum is over the outputs. Sum over the pictures: axis=0.",
    backward=lambda u, x, weight: (*_right(u, x, weight)[:2], u.sum(axis=1)),
)


linear.mistake("float32-inside", "y", FLOAT32, forward=in_float32(definitions.linear))
linear.mistake("buffer-used-again", "", BUFFER, forward=reusing_a_buffer(definitions.linear))
linear.mistake("nan-replaced", "", NAN, forward=hiding_nan(definitions.linear))


def _adding_up() -> Pass:
    sums: dict[Any, Any] = {}

    def backward(u: Any, x: Any, weight: Any) -> Any:
        dx, dw, db = _right(u, x, weight)
        before = sums.get((dw.shape, dw.dtype), dw * 0)
        sums[dw.shape, dw.dtype] = dw
        return dx, before + dw, db

    return backward


linear.mistake(
    "added-to-the-last-call",
    "",
    "dW += … adds to what the last call left behind. Start each call with zeros.",
    backward=_adding_up(),
)


# --- Softmax and cross-entropy


def _loss(scores: Any, labels: Any) -> Any:
    return definitions.cross_entropy(scores, labels)


_gradient = definitions.cross_entropy_gradient


def _p(scores: Any) -> Any:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _one_hot(scores: Any, labels: Any) -> Any:
    return np.eye(scores.shape[1])[labels]


softmax_cross_entropy.mistake(
    "sum-for-mean",
    "loss",
    "The losses of the pictures are added up, and so are their gradients. The loss is their mean: divide both by N.",
    forward=lambda scores, labels: _loss(scores, labels) * len(scores),
    backward=lambda scores, labels: _gradient(scores, labels) * len(scores),
)
softmax_cross_entropy.mistake(
    "mean-over-the-classes",
    "loss",
    "np.mean divides by the number of classes, too. Add up over the classes, and take the mean over the pictures.",
    forward=lambda scores, labels: _loss(scores, labels) / scores.shape[1],
)
softmax_cross_entropy.mistake(
    "logarithm-to-base-2",
    "loss",
    "The logarithm is the one to base 2. The gradient p - onehot belongs to the natural one: np.log.",
    forward=lambda scores, labels: _loss(scores, labels) / np.log(2),
)
softmax_cross_entropy.mistake(
    "softmax-over-the-pictures",
    "loss",
    "The softmax runs over the pictures. Each picture has its own, over its classes: axis=1.",
    forward=lambda scores, labels: -np.log(_p(scores.T).T[np.arange(len(labels)), labels]).mean(),
)
softmax_cross_entropy.mistake(
    "sigmoid-for-softmax",
    "loss",
    "Each score has a sigmoid of its own. The softmax lets the classes compete: exp(score) / Σ exp(scores).",
    forward=lambda scores, labels: np.log(1 + np.exp(-scores[np.arange(len(labels)), labels])).mean(),
)
softmax_cross_entropy.mistake(
    "epsilon-in-the-logarithm",
    "loss",
    "A small number is added to p inside of the logarithm. With log p = score - max - log Σ exp it is not needed.",
    forward=lambda scores, labels: -np.log(_p(scores)[np.arange(len(labels)), labels] + 1e-6).mean(),
)
softmax_cross_entropy.mistake(
    "probability-for-the-score",
    "loss",
    "The softmax is taken twice: the loss takes scores, and makes probabilities of them itself.",
    forward=lambda scores, labels: _loss(_p(scores), labels),
)
softmax_cross_entropy.mistake(
    "not-divided-by-n",
    "dscores",
    "The loss is a mean over the N pictures, so its gradient is divided by N.",
    backward=lambda scores, labels: _gradient(scores, labels) * len(scores),
)
softmax_cross_entropy.mistake(
    "slope-of-the-sigmoid",
    "dscores",
    "p (1 - p) is the slope of a probability. With the logarithm it becomes p - onehot.",
    backward=lambda scores, labels: _p(scores) * (1 - _p(scores)) / len(scores),
)
softmax_cross_entropy.mistake(
    "label-not-subtracted",
    "dscores",
    "The gradient is p alone. Subtract 1 at the label: p - onehot.",
    backward=lambda scores, labels: _p(scores) / len(scores),
)
softmax_cross_entropy.mistake(
    "sign-exchanged",
    "dscores",
    "The gradient has the other sign: onehot - p is the way down. Return p - onehot, and subtract it in the step.",
    backward=lambda scores, labels: -_gradient(scores, labels),
)
softmax_cross_entropy.mistake(
    "label-alone",
    "dscores",
    "Only the label's score has a gradient. Each score is in the denominator of p: the others have p.",
    backward=lambda scores, labels: _gradient(scores, labels) * _one_hot(scores, labels),
)


def _no_shift(scores: Any, labels: Any) -> Any:
    powers = np.exp(scores)
    return -np.log(powers[np.arange(len(labels)), labels] / powers.sum(axis=1)).mean()


softmax_cross_entropy.mistake(
    "no-shift",
    "",
    "exp(710) is infinite, so p is 0 or NaN. Subtract the largest score of each picture first.",
    forward=_no_shift,
)
softmax_cross_entropy.mistake(
    "logarithm-of-zero",
    "",
    "p is 0 where a score is far below the largest, and log 0 is infinite. Use log p = score - max - log Σ exp.",
    forward=lambda scores, labels: -np.log(_p(scores)[np.arange(len(labels)), labels]).mean(),
)


def _shifted_in_place(scores: Any, labels: Any) -> Any:
    scores -= scores.max(axis=1, keepdims=True)
    return _loss(scores, labels)


softmax_cross_entropy.mistake(
    "shifted-in-place",
    "",
    "scores -= … writes into the argument. Make a new array: scores = scores - ….",
    forward=_shifted_in_place,
)


softmax_cross_entropy.mistake("buffer-used-again", "", BUFFER, backward=reusing_a_buffer(_gradient))
softmax_cross_entropy.mistake("nan-replaced", "", NAN, backward=hiding_nan(_gradient))
softmax_cross_entropy.mistake("float32-inside", "dscores", FLOAT32, backward=in_float32(_gradient))
softmax_cross_entropy.mistake("scores-of-the-last-call", "", LAST_CALL, backward=of_the_last_call(_gradient))
