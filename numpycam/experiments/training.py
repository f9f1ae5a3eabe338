"""Training a Network: two losses, and stochastic gradient descent with momentum.

>>> import numpy as np
>>> from numpycam import Linear, Network
>>> x, labels = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0, 1])
>>> network = Network([("linear", Linear(np.zeros((2, 2))))])
>>> trained, losses = fit(network, x, labels, loss=softmax_cross_entropy, epochs=20, learning_rate=1.0)
>>> losses[0].round(2).tolist(), trained(x).argmax(axis=1).tolist()
(0.69, [0, 1])
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numpycam.core.arguments import (
    as_any_array,
    as_array,
    as_int,
    as_kind_of,
    as_list,
    as_seed,
    briefly,
    check_callable,
    check_index,
    check_same_kind,
    check_scores,
    check_shape,
)
from numpycam.core.arrays import Array, Shape, gated
from numpycam.core.network import Network, check_network
from numpycam.progress import Progress, followed
from numpycam.text import decimal, exact

SomeNetwork = TypeVar("SomeNetwork", bound=Network)

Loss = Callable[[Array, Any], tuple[float, Array]]
"""``loss(scores, labels) -> (loss, dL/dscores)``."""


def sigmoid_cross_entropy(scores: Array, labels: ArrayLike) -> tuple[float, Array]:
    """Return the loss of independent yes-or-no answers, and its gradient by the scores.

    L = (1/NC) Σ_{n,c} (t log(1 + e^-y) + (1 - t) log(1 + e^y))        dL/dy = (σ(y) - t) / NC

    Parameters
    ----------
    scores : array of floats, shape (N, C)
        y, before the sigmoid σ(y) = 1 / (1 + e^-y). Large scores do not overflow.
    labels : array, shape (N, C)
        t, whether class c is in image n: 0 or 1, False or True, or a probability.

    Returns
    -------
    loss : float
        L, with the natural logarithm.
    gradient : array, shape (N, C)
        dL/dy.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or value, shape or range.
    """
    y = _as_scores(scores)
    t = as_array("labels", labels, dtype=y.dtype)
    check_same_kind({"scores": y, "labels": t})
    check_shape("labels", t, y.shape)
    if t.min() < 0 or t.max() > 1:
        raise ValueError(f"labels must be in 0..1, got {decimal(t.min())} to {decimal(t.max())}.")
    t = t.astype(y.dtype, copy=False)
    with np.errstate(invalid="ignore"):  # NaN and infinity pass
        no, yes = np.logaddexp(0, y), np.logaddexp(0, -y)  # -log(1 - σ), -log σ
        return _mean(t * yes + (1 - t) * no), (np.exp(-yes) - t) / y.size


def softmax_cross_entropy(scores: Array, labels: ArrayLike) -> tuple[float, Array]:
    """Return the loss of one answer out of C, and its gradient by the scores.

    L = -(1/N) Σ_n log p[n, t_n], where p = softmax(y)        dL/dy = (p - onehot(t)) / N

    Parameters
    ----------
    scores : array of floats, shape (N, C)
        y, before the softmax, for two classes or more. Large scores do not overflow. (The loss does, if a score lies
        further below another one than the largest float.)
    labels : array of int, shape (N,)
        t_n, the class of image n, from 0.

    Returns
    -------
    loss : float
        L, with the natural logarithm.
    gradient : array, shape (N, C)
        dL/dy.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or value, shape or range.
    """
    y, t = _as_scores(scores), as_any_array("labels", labels)
    _check_classes(t, y.shape)
    rows = np.arange(len(y))
    with np.errstate(over="ignore", invalid="ignore"):  # NaN and infinity pass
        shifted = y - y.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    gradient = np.exp(log_p)
    gradient[rows, t] -= 1
    return _mean(-log_p[rows, t]), gradient / len(y)


def _mean(terms: Array) -> float:
    """Return the mean of terms that are not negative, also where their sum overflows."""
    with np.errstate(over="ignore"):
        mean = terms.mean()
        if np.isinf(mean) and np.isfinite(terms).all():
            mean = np.minimum((terms / terms.size).sum(), terms.max())  # rounding takes no mean above the largest term
    return float(mean)


def _check_classes(labels: Array, shape: Shape) -> None:
    """Raise TypeError or ValueError unless there is one class, an int, for each row of scores (N, C)."""
    check_scores(shape)
    count, classes = shape
    if classes == 1:
        raise ValueError(
            f"scores must be for two classes at least, got {shape}: the softmax of one score is 1, whatever the score "
            "is. For an answer of yes or no pass loss=sigmoid_cross_entropy."
        )
    is_number = labels.dtype.kind in "biuf"
    if labels.shape == (count, 1):
        hint = " Pass labels[:, 0]."
    elif labels.shape == shape and is_number and ((labels == 0) | (labels == 1)).all() and (labels.sum(1) == 1).all():
        hint = " They are one-hot: pass labels.argmax(axis=1)."
    else:
        hint = ""
    if labels.shape != (count,):
        raise ValueError(f"labels must have shape {(count,)}, got {labels.shape}.{hint}")
    if labels.dtype.kind not in "iu":
        hint = " Pass labels.astype(int)." if labels.dtype == bool else ""
        raise TypeError(f"labels must be ints in 0..{classes - 1}, got {labels.dtype}.{hint}")
    low, high = labels.min(), labels.max()
    if low < 0 or high >= classes:
        hint = " Are they counted from 1? Pass labels - 1." if low >= 1 and high == classes else ""
        raise ValueError(f"labels must be ints in 0..{classes - 1}, got {low} to {high}.{hint}")


def _as_scores(scores: ArrayLike) -> Array:
    y = as_array("scores", scores, check_finite=False)  # NaN passes: then the loss is NaN, and fit says so
    if y.dtype == object:
        raise TypeError("scores hold Fractions, but the loss needs logarithms; convert with numpycam.exact.as_floats.")
    if y.ndim != 2 or 0 in y.shape:
        raise ValueError(f"scores must have shape (N, C) with no empty axis, got {y.shape}.")
    return y


class DivergedError(ArithmeticError):
    """The loss or a parameter became NaN or infinite.

    Attributes
    ----------
    step : int
        The step, from 0, in which this happened.
    network : Network
        The last network whose loss was finite. If there was none, the network with which training began.
    losses : array, shape (step,)
        The losses of the steps before.
    """

    def __init__(self, step: int, epoch: int, rate: float, network: Network, losses: NDArray[np.float64]) -> None:
        super().__init__(
            f"training diverged in step {step} (epoch {epoch}): the loss or a parameter is not finite any more. "
            f"Try a learning_rate below {rate:g}, or images in 0..1; the last good network is this error's .network."
        )
        self.step, self.network, self.losses = step, network, losses


def fit(
    network: SomeNetwork,
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
    fixed: Sequence[str | tuple[str, int]] = (),
    callback: Callable[[int, SomeNetwork, NDArray[np.float64]], object] | None = None,
    progress: Progress = iter,
) -> tuple[SomeNetwork, NDArray[np.float64]]:
    """Train a network by stochastic gradient descent, and return a new one.

    v ← momentum · v + dL/dp + weight_decay · p        p ← p - learning_rate · v

    This is one step, for each parameter p and one mini-batch. Training begins with v = 0. PyTorch's SGD does the same.

    Parameters
    ----------
    network : Network
        A network of floats. It is not changed; the new network has the same dtypes.
    images : array, shape (N, ...)
        Converted to the network's dtype.
    labels : array, shape (N, ...)
        The labels that the loss takes, one for each image.
    loss : callable, default sigmoid_cross_entropy
        ``loss(scores, labels) -> (loss, dL/dscores)`` for a mini-batch.
    epochs : int, default 10
        How often each image is seen.
    batch_size : int, default 32
        How many images make a mini-batch. The last one of an epoch may be smaller.
    learning_rate, momentum, weight_decay : float, default 0.1, 0.9 and 0
        At least 0.
    seed : int, default 0
        Seeds the shuffling, which differs in every epoch. With the same seed, the new network is the same to the bit,
        if the machine and the number of threads are the same.
    fixed : sequence of str or (str, int)
        What is not trained: names of layers or parameters, or a pair such as ("conv", 2), which means kernel 2 of that
        layer with its bias.
    callback : callable, optional
        Called after every epoch as ``callback(epoch, network, losses)``, with the losses of this epoch. If it returns
        True, training ends.
    progress : callable, optional
        Wraps the iterable of steps, as ``tqdm`` does. It must yield all of them, in order.

    Returns
    -------
    network : Network
    losses : array, shape (steps,)
        The loss of each mini-batch, before the network learned from it.

    Raises
    ------
    DivergedError
        If the loss or a parameter becomes NaN or infinite. The error holds the last good network.
    TypeError, ValueError
        If an argument has the wrong type or value, or a layer that is trained hides arrays or layers, or
        has no ``parameter_gradients``.
    """
    check_callable("loss", loss, "softmax_cross_entropy")
    if callback is not None:
        check_callable("callback", callback, "print")
    x, t = _as_examples(network, images, labels, loss)
    epochs, size, seed = as_int("epochs", epochs, 0), as_int("batch_size", batch_size, 1), as_seed(seed)
    rate, momentum = _as_factor("learning_rate", learning_rate), _as_factor("momentum", momentum)
    decay, trains = _as_factor("weight_decay", weight_decay), _trains(network, fixed)

    velocity = {name: np.zeros_like(network.parameters[name]) for name in trains}
    batches = -(-len(x) // size)  # per epoch
    rng, order = np.random.default_rng(seed), np.arange(len(x))
    good, losses = network, list[float]()
    for step in followed(progress, range(epochs * batches), "steps"):
        epoch, batch = divmod(step, batches)
        if batch == 0:
            order = rng.permutation(len(x))
        some = order[size * batch : size * (batch + 1)]
        with np.errstate(over="ignore", invalid="ignore"):  # instead of a warning, DivergedError is raised below
            value, gradients = _loss_and_gradients(network, x[some], t[some], loss)
            _check_gradients(network, trains, gradients)
            updated = {}
            for name, gate in trains.items():
                p = network.parameters[name]
                gradient = gradients[name].astype(p.dtype, copy=False) + decay * p
                velocity[name] = momentum * velocity[name] + gated(gradient, gate)
                updated[name] = np.asarray(p - rate * velocity[name])  # NumPy turns arrays without axes into numbers
        if np.isfinite(value):
            good = network
        if not (np.isfinite(value) and all(np.isfinite(p).all() for p in updated.values())):
            raise DivergedError(step, epoch, rate, good, np.array(losses))
        network = network.with_parameters(updated)
        losses.append(value)
        if batch == batches - 1 and callback is not None:
            answer = callback(epoch, network, np.array(losses[-batches:]))
            if isinstance(answer, bool | np.bool_) and answer:  # any other answer has no meaning
                break
    return network, np.array(losses)


def _loss_and_gradients(network: Network, x: Array, t: Array, loss: Loss) -> tuple[float, dict[str, Array]]:
    activations = network.activations(x)
    *_, scores = activations.values()
    value, grad_scores = loss(scores, t)
    return float(value), network.parameter_gradients(grad_scores, x, activations)


def _as_examples(network: Network, images: ArrayLike, labels: ArrayLike, loss: Loss) -> tuple[Array, Array]:
    """Return the images in the network's dtype and the labels unchanged, after checking both."""
    check_network(network)
    x = as_array("images", images, dtype=network.dtype)
    if object in (network.dtype, x.dtype):
        raise TypeError("fit trains with floats, got Fractions; convert with numpycam.exact.as_floats.")
    as_array("labels", labels)
    t = np.asarray(labels)
    if x.ndim == 0 or len(x) == 0 or t.shape[:1] != x.shape[:1]:
        raise ValueError(
            f"there must be at least one image, and a label for each, got labels {t.shape} for images {x.shape}."
        )
    if loss is sigmoid_cross_entropy and t.ndim == 1:
        raise ValueError(
            f"labels must have shape (N, C) for sigmoid_cross_entropy, got {t.shape}. For one question pass "
            "labels[:, None]; for one class out of C pass loss=softmax_cross_entropy."
        )
    x = as_kind_of("images", x, "the network", np.empty(0, network.dtype))
    if loss is softmax_cross_entropy:  # now, and not in the batch that has the first wrong label
        _check_classes(t, network.output_shape(x.shape))
    return x, t


def _as_factor(name: str, value: object) -> float:
    if not isinstance(value, int | float | np.integer | np.floating) or isinstance(value, bool):
        raise TypeError(f"{name} must be an instance of float, not {type(value).__name__}.")
    try:
        number = float(value)
    except OverflowError:
        number = np.inf
    if not 0 <= number < np.inf:
        raise ValueError(f"{name} must be finite and >= 0, got {exact(value)}.")
    return number  # a np.float64 would turn float32 into float64


def _check_gradients(network: Network, trains: Iterable[str], gradients: Mapping[str, Array]) -> None:
    """Raise unless every parameter that is trained has a gradient of its shape, and every gradient a parameter."""
    missing = [name for name in trains if name not in gradients]
    if missing:
        layer = missing[0].rpartition(".")[0]
        raise TypeError(
            f"parameter_gradients of the network has nothing for {', '.join(map(repr, missing))}: give the class of "
            f"layer {layer!r} the method parameter_gradients, or pass fixed=[{layer!r}]."
        )
    unknown = [name for name in gradients if name not in network.parameters]
    if unknown:
        raise TypeError(
            f"parameter_gradients of the network has {', '.join(map(repr, unknown))}, which is no parameter: only a "
            "field of a layer that is an array is one."
        )
    for name, gradient in gradients.items():
        check_shape(f"the gradient by {name!r}", np.asarray(gradient), network.parameters[name].shape)


def _trains(network: Network, fixed: Sequence[str | tuple[str, int]]) -> dict[str, NDArray[np.bool_]]:
    """Return, for each parameter that is trained, which of its kernels (rows) are trained."""
    fixed = as_list("fixed", fixed, "such as ['conv']")
    for name, layer in network.row:
        if layer.hides_parameters and not any(name == one or name.startswith(f"{one}.") for one in fixed):
            raise TypeError(
                f"layer {name!r}, {type(layer).__name__}, keeps arrays or layers in a list or the like, where fit does "
                f"not see them: give each a field of its own, or pass fixed=[{name!r}]."
            )
    layers = dict(network.layers) | dict(network.row)
    trains = {name: np.full(p.shape[:1] + (1,) * (p.ndim - 1), True) for name, p in network.parameters.items()}
    for item in fixed:
        name, kernel = item if isinstance(item, tuple) and len(item) == 2 else (item, None)
        block = layers.get(name) if isinstance(name, str) else None
        if block is None:  # a parameter, or a layer in a field of another one
            named = [key for key in trains if isinstance(name, str) and (key == name or key.startswith(f"{name}."))]
        else:  # beside a layer "a" there may be another one "a.b"
            named = [f"{name}.{key}" for key in block.parameters]
        if not named and not (block and block.hides_parameters):
            raise ValueError(
                f"fixed must hold names of layers or parameters, or pairs such as ('conv', 2), got {briefly(item)}; "
                f"the parameters are {', '.join(map(repr, trains)) or 'none'}."
            )
        for key in named:
            if kernel is None:
                trains[key][...] = False
            else:
                check_index(f"the kernel of {name!r} in fixed", kernel, len(trains[key]))
                trains[key][kernel] = False
    return {name: rows for name, rows in trains.items() if rows.any()}
