"""Mistakes in the gradient of a network, and in the residual block."""

from collections.abc import Callable
from typing import Any

import numpy as np

from numpycam.laws import definitions
from numpycam.laws.mistakes.conduct import (
    BUFFER,
    CLIPPED,
    LAST_CALL,
    NAN,
    hiding_nan,
    of_the_last_call,
    reusing_a_buffer,
)
from numpycam.laws.networks import network, residual

Pass = Callable[..., Any]

_forward, _backward = network.reference["forward"], network.reference["backward"]


# --- a network: the mistakes are made in the small one of the book

network.mistake(
    "batch-statistics",
    "",  # the forward pass that is handed over says itself what y is
    "The mean over the batch is taken off: a batch normalisation in its training mode. Call eval() first.",
    forward=lambda x: _forward(x - x.mean(axis=0)),
)


def _of_the_softmax(grad_output: Any, x: Any) -> Any:
    scores = _forward(x)
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = powers / powers.sum(axis=1, keepdims=True)
    return _backward(p * (grad_output - (p * grad_output).sum(axis=1, keepdims=True)), x)


network.mistake(
    "gradient-of-the-softmax",
    "dx",
    "This is the gradient of the probabilities. It vanishes where the network is sure: start from the scores.",
    backward=_of_the_softmax,
)
network.mistake(
    "relu-without-a-gate",
    "dx",
    "A ReLU lets all of the gradient through. Its gate is shut where its input was not above 0.",
    backward=lambda grad_output, x: _backward(grad_output, x, lambda u, before: u),
)
network.mistake(
    "guided",
    "dx",
    "A ReLU drops gradients below 0 as well: this is guided backpropagation, and no gradient of the score.",
    backward=lambda u, x: _backward(u, x, lambda u, before: definitions.relu(definitions.relu_backward(u, before))),
)
network.mistake(
    "mean-over-the-batch",
    "dx",
    "The gradient is divided by the number of pictures. Each picture has a score of its own: add the scores up.",
    backward=lambda grad_output, x: _backward(grad_output, x) / len(x),
)
network.mistake(
    "gradient-of-the-first-picture",
    "dx",
    "All pictures have the gradient of the first: scores[0, c] was differentiated. Take scores[:, c].sum().",
    backward=lambda grad_output, x: _backward(grad_output, x)[:1].repeat(len(x), axis=0),
)


def _in_place(x: Any) -> Any:
    x -= 1
    return _forward(x + 1)


network.mistake(
    "picture-normalised-in-place",
    "",
    "The picture is normalised in place, so the second call sees another one. Make a new array.",
    forward=_in_place,
)


def _adding_up() -> Pass:
    sums: dict[Any, Any] = {}

    def backward(grad_output: Any, x: Any) -> Any:
        dx = _backward(grad_output, x)
        before, sums[x.shape] = sums.get(x.shape, 0), dx
        return before + dx

    return backward


network.mistake(
    "added-to-the-last-call",
    "",
    "The gradient adds to that of the last call. Set it to zero before each: zero_grad().",
    backward=_adding_up(),
)


network.mistake("buffer-used-again", "", BUFFER, forward=reusing_a_buffer(_forward))
network.mistake(
    "gradient-clipped",
    "",
    CLIPPED,
    backward=lambda grad_output, x: np.clip(_backward(grad_output, x), -1e6, 1e6),
)


# --- the residual block


def _past(x: Any, shortcut: Any) -> Any:
    return x if shortcut is None else shortcut.forward(x)


def _back_past(u: Any, x: Any, shortcut: Any) -> Any:
    return u if shortcut is None else shortcut.backward(u, x)


residual.mistake(
    "shortcut-forgotten",
    "y",
    "There is no shortcut: this is the body alone. Add x to it, or what the shortcut makes of x.",
    forward=lambda x, body, shortcut=None: body.forward(x),
    backward=lambda grad_output, x, body, shortcut=None: body.backward(grad_output, x),
)
residual.mistake(
    "shortcut-twice",
    "y",
    "The shortcut is added twice: the body adds x, too. Add it once.",
    forward=lambda x, body, shortcut=None: body.forward(x) + 2 * _past(x, shortcut),
    backward=lambda u, x, body, shortcut=None: body.backward(u, x) + 2 * _back_past(u, x, shortcut),
)
residual.mistake(
    "mean-of-both-ways",
    "y",
    "The two ways are averaged. They are added up.",
    forward=lambda x, body, shortcut=None: (body.forward(x) + _past(x, shortcut)) / 2,
    backward=lambda u, x, body, shortcut=None: (body.backward(u, x) + _back_past(u, x, shortcut)) / 2,
)
residual.mistake(
    "shortcut-behind-the-body",
    "y",
    "The shortcut's layers follow the body. They stand beside it: both take x, and their results are added up.",
    forward=lambda x, body, shortcut=None: _past(body.forward(x), shortcut) + (x if shortcut is None else x * 0),
)
residual.mistake(
    "layers-of-the-shortcut-left-out",
    "y",
    "x itself is added, though the shortcut has layers. Add what they make of x.",
    forward=lambda x, body, shortcut=None: body.forward(x) + x,
)
residual.mistake(
    "relu-of-the-sum",
    "y",
    "The sum has a ReLU. It is a layer of its own, after the block.",
    forward=lambda x, body, shortcut=None: definitions.relu(body.forward(x) + _past(x, shortcut)),
)
residual.mistake(
    "shortcut-forgotten-backward",
    "dx",
    "The gradient comes back through the body alone. x acts by both ways: add the shortcut's.",
    backward=lambda grad_output, x, body, shortcut=None: body.backward(grad_output, x),
)
residual.mistake(
    "body-forgotten-backward",
    "dx",
    "The gradient comes back by the shortcut alone. x acts by both ways: add the body's.",
    backward=lambda grad_output, x, body, shortcut=None: _back_past(grad_output, x, shortcut) * 1,
)
residual.mistake(
    "gradient-at-the-result",
    "dx",
    "The body's gradient is taken at y. Its layers saw x: hand x to their backward passes.",
    backward=lambda u, x, body, shortcut=None: (
        body.backward(u, definitions.residual(x, body, shortcut)) + _back_past(u, x, shortcut)
    ),
)
residual.mistake(
    "shortcuts-gradient-at-the-result",
    "dx",
    "The shortcut's gradient is taken at y. Its layers saw x: hand x to their backward passes.",
    backward=lambda u, x, body, shortcut=None: (
        body.backward(u, x) + _back_past(u, definitions.residual(x, body, shortcut), shortcut)
    ),
)
residual.mistake(
    "one-way-after-the-other",
    "dx",
    "The gradient comes back through the body, and then through the shortcut. They stand side by side: add the two.",
    backward=lambda u, x, body, shortcut=None: _back_past(body.backward(u, x), x, shortcut),
)


def _added_in_place(grad_output: Any, x: Any, body: Any, shortcut: Any = None) -> Any:
    through, past = body.backward(grad_output, x), _back_past(grad_output, x, shortcut)
    past = past if past.flags.writeable else past.copy()
    past += through
    return past


residual.mistake(
    "added-in-place",
    "",
    "dx += … writes into the gradient that came in: past the body, it is the same array. Write through + past.",
    backward=_added_in_place,
)
residual.mistake("gradient-of-the-last-call", "", LAST_CALL, backward=of_the_last_call(definitions.residual_backward))
residual.mistake("nan-replaced", "", NAN, forward=hiding_nan(definitions.residual))
