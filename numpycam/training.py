"""Training a Network: two losses, stochastic gradient descent with momentum, and the loop.

>>> import numpy as np
>>> from numpycam import Linear, Network
>>> x, labels = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0, 1])
>>> network = Network([("linear", Linear(np.zeros((2, 2))))])
>>> trained, losses = fit(network, x, labels, loss=softmax_cross_entropy, epochs=20, learning_rate=1.0)
>>> losses[0].round(2).tolist(), trained(x).argmax(axis=1).tolist()
(0.69, [0, 1])
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numpycam.network import Network
from numpycam.validation import Array, as_array, as_int, check_shape

Loss = Callable[[Array, Any], tuple[float, Array]]


def sigmoid_cross_entropy(scores: Array, labels: ArrayLike) -> tuple[float, Array]:
    """Return the loss of independent yes-or-no answers, and its gradient with respect to the scores.

    L = (1/NC) Σ_{n,c} t log(1 + e^-y) + (1 - t) log(1 + e^y)        dL/dy = (σ(y) - t) / NC

    Parameters
    ----------
    scores : array of floats, shape (N, C)
        y, before the sigmoid σ(y) = 1 / (1 + e^-y). Any size: nothing overflows.
    labels : array, shape (N, C)
        t, whether the class is there: 0 or 1, False or True, or a probability.

    Returns
    -------
    loss : float
    gradient : array, shape (N, C)
    """
    _check_scores(scores)
    t = as_array("labels", labels, dtype=scores.dtype).astype(scores.dtype, copy=False)
    check_shape("labels", t, scores.shape)
    if t.min() < 0 or t.max() > 1:
        raise ValueError(f"labels must be in 0..1, got {t.min():g} to {t.max():g}.")
    no, yes = np.logaddexp(0, scores), np.logaddexp(0, -scores)  # -log(1 - σ), -log σ
    return float((t * yes + (1 - t) * no).mean()), (np.exp(-yes) - t) / scores.size


def softmax_cross_entropy(scores: Array, labels: ArrayLike) -> tuple[float, Array]:
    """Return the loss of one answer out of C, and its gradient with respect to the scores.

    L = -(1/N) Σ_n log p[n, t_n], p = softmax(y)        dL/dy = (p - onehot(t)) / N

    Parameters
    ----------
    scores : array of floats, shape (N, C)
        y, before the softmax. Any size: nothing overflows.
    labels : array of int, shape (N,)
        t_n, the class of each.

    Returns
    -------
    loss : float
    gradient : array, shape (N, C)
    """
    _check_scores(scores)
    t, rows, classes = np.asarray(labels), np.arange(len(scores)), scores.shape[1]
    check_shape("labels", t, scores.shape[:1])
    if t.dtype.kind not in "iu" or t.min() < 0 or t.max() >= classes:
        raise ValueError(f"labels must be ints in 0..{classes - 1}, one for each row of the scores, got {labels!r}.")
    shifted = scores - scores.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    gradient = np.exp(log_p)
    gradient[rows, t] -= 1
    return float(-log_p[rows, t].mean()), gradient / len(scores)


def _check_scores(scores: Array) -> None:
    if scores.ndim != 2 or 0 in scores.shape or scores.dtype.kind != "f":
        raise ValueError(f"scores must be floats (N, C), at least one, got {scores.dtype} {scores.shape}.")


class DivergedError(ArithmeticError):
    """The loss or a parameter became NaN or infinite.

    Attributes
    ----------
    step : int
        In which step, from 0.
    network : Network
        The last one whose loss was a number.
    losses : array
        Of the steps before.
    """

    def __init__(self, step: int, epoch: int, rate: float, network: Network, losses: NDArray[np.float64]) -> None:
        super().__init__(
            f"training diverged in step {step} (epoch {epoch}): the loss is no finite number any more. Try a "
            f"learning_rate below {rate:g}, or images in 0..1; the last good network is this error's .network."
        )
        self.step, self.network, self.losses = step, network, losses[:step]


def fit(
    network: Network,
    images: ArrayLike,
    labels: ArrayLike,
    *,
    loss: Loss = sigmoid_cross_entropy,
    epochs: int = 10,
    batch_size: int = 32,
    learning_rate: float = 0.1,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    seed: int = 0,
    frozen: Sequence[str | tuple[str, int]] = (),
    callback: Callable[[int, Network, NDArray[np.float64]], object] | None = None,
    progress: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> tuple[Network, NDArray[np.float64]]:
    """Train a network by stochastic gradient descent, and return a new one.

    v ← momentum · v + dL/dp + weight_decay · p        p ← p - learning_rate · v

    for each parameter p, mini-batch by mini-batch, as PyTorch's SGD does it.

    Parameters
    ----------
    network : Network
        Stays as it is.
    images : array, shape (N, ...)
    labels : array, shape (N, ...)
        What the loss takes.
    loss : callable, default sigmoid_cross_entropy
        ``loss(scores, labels) -> (loss, dL/dscores)`` for a mini-batch.
    epochs : int, default 10
        How often every image is seen.
    batch_size : int, default 32
        The last batch of an epoch may be smaller.
    learning_rate, momentum, weight_decay : float
    seed : int, default 0
        Of the order of the images, which is another one in each epoch. The same seed gives the same network, to the
        bit on one machine with one number of threads.
    frozen : sequence of str or (str, int)
        What is not trained: the names of layers (or of parameters), or kernel k of a layer, ("conv", 2).
    callback : callable, optional
        Called as ``callback(epoch, network, losses)`` after every epoch, with the losses of its steps. If it returns
        True, training ends there.
    progress : callable, optional
        Wraps the iterable of steps and yields the same: ``tqdm``, say.

    Returns
    -------
    network : Network
    losses : array, shape (steps,)
        The loss of each mini-batch, before the step that it led to.

    Raises
    ------
    DivergedError
        If the loss is NaN or infinite. It has the last good network.
    TypeError, ValueError
        If an argument is not of that kind.
    """
    x, t = as_array("images", images, dtype=network.dtype), np.asarray(labels)
    epochs, size = as_int("epochs", epochs, 0), as_int("batch_size", batch_size, 1)
    if len(x) == 0 or t.shape[:1] != x.shape[:1]:
        raise ValueError(f"there must be a label for each image, at least one, got {t.shape} for {x.shape}.")
    trains = _trains(network, frozen)
    velocity = {name: np.zeros_like(network.parameters[name]) for name in trains}
    batches = -(-len(x) // size)  # in an epoch
    losses, good, rng, order = np.full(epochs * batches, np.nan), network, np.random.default_rng(seed), np.arange(0)
    for step in progress(range(epochs * batches)):
        epoch, batch = divmod(step, batches)
        if batch == 0:
            order = rng.permutation(len(x))
        some = order[size * batch : size * (batch + 1)]
        with np.errstate(over="ignore", invalid="ignore"):  # the loss says it, two lines below
            activations = network.activations(x[some])
            losses[step], grad_scores = loss([*activations.values()][-1], t[some])
            if not np.isfinite(losses[step]):
                raise DivergedError(step, epoch, learning_rate, good, losses)
            good, gradients = network, network.parameter_gradients(grad_scores, x[some], activations)
            for name, mask in trains.items():
                gradient = gradients[name] + weight_decay * network.parameters[name]
                velocity[name] = momentum * velocity[name] + gradient * mask
            updated = {name: network.parameters[name] - learning_rate * v for name, v in velocity.items()}
        try:
            network = network.with_parameters(updated)
        except ValueError as error:  # NaN or infinity
            raise DivergedError(step, epoch, learning_rate, good, losses) from error
        if batch == batches - 1 and callback and callback(epoch, network, losses[step - batch : step + 1]) is True:
            return network, losses[: step + 1]
    return network, losses


def _trains(network: Network, frozen: Sequence[str | tuple[str, int]]) -> dict[str, Array]:
    """Return, for each parameter that is trained, 1 for the rows that are and 0 for those that are frozen."""
    parameters = network.parameters
    masks = {name: np.ones((len(p), *[1] * (p.ndim - 1)), p.dtype) for name, p in parameters.items()}
    for item in frozen:
        name, row = (item, None) if isinstance(item, str) else item
        of_layer = [key for key in parameters if key == name or key.startswith(f"{name}.")]
        if not of_layer:
            raise ValueError(f"frozen must name layers or parameters of the network, {[*parameters]}, got {name!r}.")
        for key in of_layer:
            if row is None:
                masks[key][:] = 0
            else:
                if as_int("frozen kernel", row, 0) >= len(masks[key]):
                    raise ValueError(f"frozen kernel {row} of {name!r} must be in 0..{len(masks[key]) - 1}.")
                masks[key][row] = 0
    return {name: mask for name, mask in masks.items() if mask.any()}
