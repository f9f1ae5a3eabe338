"""The laws of a whole network, and of the residual block."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from numpycam.core.layers import Conv2d, ReLU
from numpycam.core.network import Network
from numpycam.laws import definitions
from numpycam.laws.book import Signature, differ, dot
from numpycam.laws.cases import Numbers
from numpycam.laws.subject import Subject
from numpycam.laws.verify import Laws

# --- a network: any function of a batch of images, with its gradient


class NetworkLaws(Laws):
    """Laws of any function of a batch of images and of its gradient. The caller says the shape of one image."""

    def _subject(self, given: Mapping[str, Any]) -> Subject:
        functions = dict(given)
        shape = functions.pop("input_shape", None)
        if not (isinstance(shape, tuple) and shape and all(isinstance(n, int) and n > 0 for n in shape)):
            raise TypeError(f"laws.network.verify needs input_shape, the shape of one image, got {shape!r}.")
        forward = functions.get("forward")
        if not callable(forward):
            raise TypeError("laws.network.verify needs forward=…, the function whose gradient backward=… is.")
        outputs = np.shape(forward(np.zeros((1, *shape))))[1:]
        return super()._of(book_of(shape, outputs, forward), functions)

    def right(self) -> dict[str, Any]:
        """Return a small right network to try things on: convolution, ReLU, max pooling, Linear."""
        return {"forward": _forward, "backward": _backward, "input_shape": (1, 3, 4)}


def book_of(shape: tuple[int, ...], outputs: tuple[int, ...], forward: Any) -> Laws:
    """Return the laws of a network, with cases for images of this shape."""

    def make(setting: dict[str, Any], numbers: Numbers) -> tuple[dict[str, Any], dict[str, Any]]:
        batch = setting["batch"]
        return {
            "x": numbers.array("x", (batch, *shape), setting["values"]),
            "grad_output": numbers.array("u", (batch, *outputs)),
            "v": numbers.array("v", (batch, *shape)),
        }, {}

    return Laws(
        name="network",
        signatures=network.signatures,
        reference={"forward": forward, "backward": network.reference["backward"]},
        choices=network.choices,
        make=make,
        traits=network.traits,
        laws=network.laws,
        mistakes=network.mistakes,
        right_everywhere=False,
        reach=3,
    )


_WEIGHT = np.array([[[[1.0, -2.0], [0.5, 1.5]]], [[[-1.0, 1.0], [2.0, -0.5]]]])
_HEAD = np.arange(1.0, 9.0).reshape(2, 4) - 4.5


def _forward(x: Any) -> Any:
    hidden = definitions.relu(definitions.conv2d(x, _WEIGHT))
    pooled = definitions.max_pool2d(hidden, (2, 2), (1, 1))
    return definitions.linear(pooled.reshape(len(x), -1), _HEAD)


def _backward(grad_output: Any, x: Any, relu_backward: Any = definitions.relu_backward) -> Any:
    before = definitions.conv2d(x, _WEIGHT)
    hidden = definitions.relu(before)
    pooled = definitions.max_pool2d(hidden, (2, 2), (1, 1))
    gradient = definitions.linear_backward(grad_output, pooled.reshape(len(x), -1), _HEAD)[0].reshape(pooled.shape)
    gradient = definitions.max_pool2d_backward(gradient, hidden, (2, 2), (1, 1))
    return definitions.conv2d_backward(relu_backward(gradient, before), x, _WEIGHT)[0]


network = NetworkLaws(
    name="network",
    signatures={"forward": Signature(("x",), ("y",)), "backward": Signature(("grad_output", "x"), ("dx",))},
    reference={"forward": _forward, "backward": _backward},
    choices={"batch": [1, 2, 3], "values": ["distinct", "all", "not negative"], "draw": [0, 1, 2, 3]},
    make=lambda setting, numbers: None,
    traits={"with several pictures": lambda case: len(case["x"]) > 1},
    right_everywhere=False,  # it is a small network, to try the laws on
)


@network.law("batch", "f of a batch = f of its pictures", about="y", where="no picture sees another one")
def _batch(y: Any, y_of: Any, x: Any) -> Any:
    return None if len(x) == 1 else (y, np.concatenate([y_of(x=x[n : n + 1]) for n in range(len(x))]))


@network.law(
    "slope",
    "⟨u, f(x + t v) - f(x)⟩ / t = ⟨dx, v⟩",
    about="dx",
    where="for every step t that stays in the linear piece around x",
    kinds=("integers", "fractions"),
)
def _slope(trial: Any, y: Any, y_of: Any, dx: Any, x: Any, v: Any, grad_output: Any) -> Any:
    eps = np.finfo(trial.subject.habits.dtype).eps
    for steps in (2**k for k in range(0, 16)):  # t = 1 / steps, which makes Fractions of Fractions
        ahead, behind = y_of(x=x + v / steps) - y, y - y_of(x=x - v / steps)
        halfway, slope = y_of(x=x + v / (2 * steps)) - y, dot(grad_output, ahead) * steps
        bent = np.abs(ahead - behind) + np.abs(ahead - 2 * halfway)  # two kinks may hide from one of the two
        off = bent + 2 * eps * np.abs(y).max()  # y is rounded, and a small step brings that up
        if 8 * steps * dot(np.abs(grad_output), off) <= np.sqrt(eps) * max(1, abs(slope)):
            return slope, dot(dx, v) if dx.shape == v.shape else dx
    return None


@network.law("linear-u", "dx(2u + u') = 2 dx(u) + dx(u')", about="dx", where="the gates look at x, not at u")
def _linear_u(dx: Any, dx_of: Any, grad_output: Any) -> Any:
    other = 1 - grad_output
    return dx_of(grad_output=2 * grad_output + other), 2 * dx + dx_of(grad_output=other)


@network.law(
    "batch-dx", "dx of a batch = dx of its pictures", about="dx", where="no picture's score depends on another"
)
def _batch_dx(dx: Any, dx_of: Any, x: Any, grad_output: Any) -> Any:
    if len(x) == 1:
        return None
    return dx, np.concatenate([dx_of(x=x[n : n + 1], grad_output=grad_output[n : n + 1]) for n in range(len(x))])


# --- the residual block


def _make_residual(setting: dict[str, Any], numbers: Numbers) -> tuple[dict[str, Any], dict[str, Any]]:
    channels, size = setting["channels"], setting["size"]
    x = numbers.array("x", (setting["batch"], channels, *size), "distinct")

    def conv(name: str) -> Conv2d:
        return Conv2d(numbers.array(name, (channels, channels, 1, 1)) / 4)

    body = [("conv1", conv("W1"))] + [("relu", ReLU()), ("conv2", conv("W2"))] * (setting["body"] == "deep")
    shortcut = Network([("relu", ReLU()), ("conv", conv("W3"))]) if setting["shortcut"] else None
    u = numbers.array("u", x.shape)
    return {"x": x, "body": Network(body), "shortcut": shortcut, "grad_output": u}, {}


residual = Laws(
    name="residual",
    signatures={
        "forward": Signature(("x", "body", "shortcut"), ("y",), may_lack=("shortcut",)),
        "backward": Signature(("grad_output", "x", "body", "shortcut"), ("dx",), may_lack=("shortcut",)),
    },
    reference={"forward": definitions.residual, "backward": definitions.residual_backward},
    choices={
        "size": [(1, 1), (1, 2), (2, 3), (3, 2)],
        "channels": [1, 2],
        "batch": [1, 2],
        "body": ["plain", "deep"],
        "shortcut": [False, True],
    },
    make=_make_residual,
    fits=lambda x, **others: differ(x),
    traits={
        "with a shortcut of layers": lambda case: case["shortcut"] is not None,
        "with a ReLU in the body": lambda case: len(case["body"].layers) > 1,
    },
)


@residual.law("definition", "y = body(x) + shortcut(x)", about="y", where="the shortcut is x itself unless given")
def _residual_definition(y: Any, right_y: Any) -> Any:
    return y, right_y


@residual.law("ways", "dx = body.backward(u, x) + shortcut.backward(u, x)", about="dx",
              where="x acts by both ways, and what it does adds up; past the body, u comes back as it is")  # fmt: skip
def _residual_ways(dx: Any, right_dx: Any) -> Any:
    return dx, right_dx


@residual.law("euler", "⟨dx, x⟩ = ⟨u, y⟩", about="dx", where="no layer has a bias")
def _residual_euler(dx: Any, x: Any, grad_output: Any, y: Any) -> Any:
    return dot(dx, x) if dx.shape == x.shape else dx, dot(grad_output, y)
