"""The laws of the layers without a window: ReLU, Linear, and the loss on softmax."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from numpycam.laws import definitions
from numpycam.laws.book import Signature, differ, dot
from numpycam.laws.cases import Numbers
from numpycam.laws.subject import Part, Subject
from numpycam.laws.verify import Laws

# --- ReLU


def _make_relu(setting: dict[str, Any], numbers: Numbers) -> tuple[dict[str, Any], dict[str, Any]]:
    shape, sign = setting["shape"], setting["sign"]
    x = numbers.array("x", shape, "distinct")
    x = {"both": x, "above 0": abs(x), "below 0": -abs(x)}[sign]
    return {"x": x, "grad_output": numbers.array("u", shape)}, {}


relu = Laws(
    name="relu",
    signatures={"forward": Signature(("x",), ("y",)), "backward": Signature(("grad_output", "x"), ("dx",))},
    reference={"forward": definitions.relu, "backward": definitions.relu_backward},
    choices={
        "draw": [0, 1, 2, 3],
        "sign": ["both", "above 0", "below 0"],
        "shape": [(1,), (2,), (2, 3), (3, 2), (1, 2, 3, 2), (2, 3, 4, 5), (5, 1), (7,)],
    },
    make=_make_relu,
    fits=lambda x, **others: differ(x),
    traits={
        "with a negative number": lambda case: bool((case["x"] < 0).any()),
        "with a negative gradient": lambda case: bool((case["grad_output"] < 0).any()),
        "with four axes": lambda case: case["x"].ndim == 4,
    },
)


@relu.law("definition", "y = max(x, 0)", about="y", where="element by element")
def _relu_definition(y: Any, right_y: Any) -> Any:
    return y, right_y


@relu.law("halves", "relu(x) - relu(-x) = x", about="y", where="for all x")
def _relu_halves(y: Any, y_of: Any, x: Any) -> Any:
    return y - y_of(x=-x), x


@relu.law("again-nothing", "relu(relu(x)) = relu(x)", about="y", where="for all x")
def _relu_idempotent(y: Any, y_of: Any) -> Any:
    return y_of(x=y), y


@relu.law("gate", "dx = u where x > 0, and 0 where x < 0", about="dx", where="for all u, and x without a 0")
def _relu_gate(dx: Any, x: Any, grad_output: Any) -> Any:
    return dx, np.where(x > 0, grad_output, grad_output * 0)


@relu.law("linear-u", "dx(2u + u') = 2 dx(u) + dx(u')", about="dx", where="the gate looks at x, not at u")
def _relu_linear(dx: Any, dx_of: Any, grad_output: Any) -> Any:
    other = 1 - grad_output
    return dx_of(grad_output=2 * grad_output + other), 2 * dx + dx_of(grad_output=other)


@relu.law("euler", "⟨dx, x⟩ = ⟨u, y⟩", about="dx", where="a function without a bias is its slope times its input")
def _relu_euler(dx: Any, x: Any, grad_output: Any, y: Any) -> Any:
    return dot(dx, x) if dx.shape == x.shape else dx, dot(grad_output, y)


@relu.convention("at-zero", "slope at x = 0", "dx", {
    "0, as in PyTorch": [0, 0, 5], "1": [0, 3, 5], "1/2, as in jnp.maximum": [0, 1.5, 5],
})  # fmt: skip
def _relu_at_zero(run: Any) -> Any:
    return run(grad_output=np.array([2.0, 3.0, 5.0]), x=np.array([-1.0, 0.0, 1.0]))["dx"]


# --- Linear


def _make_linear(setting: dict[str, Any], numbers: Numbers) -> tuple[dict[str, Any], dict[str, Any]]:
    batch, features, outputs = (setting[name] for name in ("batch", "features", "outputs"))
    return {
        "x": numbers.array("x", (batch, features)),
        "weight": numbers.array("W", (outputs, features)),
        "bias": numbers.array("b", (outputs,)) if setting["bias"] else None,
        "grad_output": numbers.array("u", (batch, outputs)),
    }, {}


linear = Laws(
    name="linear",
    signatures={
        "forward": Signature(("x", "weight", "bias"), ("y",), may_lack=("bias",)),
        "backward": Signature(("grad_output", "x", "weight"), ("dx", "dw", "db")),
    },
    reference={"forward": definitions.linear, "backward": definitions.linear_backward},
    choices={"features": [1, 2, 3], "outputs": [1, 2, 3], "batch": [1, 2, 4], "bias": [False, True]},
    make=_make_linear,
    axes={
        **dict.fromkeys(("x", "y", "dx", "grad_output"), "NF"),
        **dict.fromkeys(("weight", "dw"), "OI"),
        **dict.fromkeys(("bias", "db"), "O"),
    },
    reach=4,
    traits={
        "with several pictures": lambda case: len(case["x"]) > 1,
        "with as many outputs as features": lambda case: case["weight"].shape[0] == case["weight"].shape[1],
        "with more outputs than features": lambda case: case["weight"].shape[0] > case["weight"].shape[1],
        "with a bias": lambda case: case["bias"] is not None,
    },
    measures={"the number of pictures": lambda case: len(case["x"])},
)


@linear.law("definition", "y[n, o] = b[o] + Σ_f W[o, f] x[n, f]", about="y")
def _linear_definition(y: Any, right_y: Any) -> Any:
    return y, right_y


@linear.law("adjoint-x", "⟨W x, u⟩ = ⟨x, dx⟩", about="dx", where="for all x, W, u, without a bias: this fixes dx")
def _linear_adjoint_x(y_of: Any, grad_output: Any, x: Any, dx: Any) -> Any:
    return dot(y_of(bias=None), grad_output), dot(x, dx) if x.shape == dx.shape else dx


@linear.law("adjoint-w", "⟨W x, u⟩ = ⟨W, dW⟩", about="dw", where="for all x, W, u, without a bias: this fixes dW")
def _linear_adjoint_w(y_of: Any, grad_output: Any, weight: Any, dw: Any) -> Any:
    return dot(y_of(bias=None), grad_output), dot(weight, dw) if weight.shape == dw.shape else dw


@linear.law("bias", "db = Σ_n u[n]", about="db", where="the bias is added to every picture's y")
def _linear_bias(db: Any, grad_output: Any) -> Any:
    return db, grad_output.sum(axis=0)


# --- Softmax and cross-entropy


def _make_loss(setting: dict[str, Any], numbers: Numbers) -> tuple[dict[str, Any], dict[str, Any]] | None:
    batch, classes = setting["batch"], setting["classes"]
    if numbers.kind not in ("integers", "floats"):  # the exponential of a fraction is none
        return None
    scores = numbers.array("scores", (batch, classes)) / 4
    return {"scores": scores, "labels": np.array([numbers.whole(0, classes - 1) for _ in range(batch)])}, {}


class LossLaws(Laws):
    """Laws of a loss, which many write as one function: ``both=softmax_loss`` returns the loss and its gradient."""

    def _subject(self, given: Mapping[str, Any]) -> Subject:
        parts = dict(given)
        if "both" in parts:
            both = parts.pop("both")
            parts |= {"forward": Part(both, 0), "backward": Part(both, 1)}
        return super()._subject(parts)


softmax_cross_entropy = LossLaws(
    name="softmax_cross_entropy",
    signatures={
        "forward": Signature(("scores", "labels"), ("loss",)),
        "backward": Signature(("scores", "labels"), ("dscores",)),
    },
    reference={"forward": definitions.cross_entropy, "backward": definitions.cross_entropy_gradient},
    choices={"draw": [0, 1, 2, 3], "classes": [2, 3, 5], "batch": [1, 2, 3]},
    make=_make_loss,
    traits={
        "with several pictures": lambda case: len(case["scores"]) > 1,
        "with more than two classes": lambda case: case["scores"].shape[1] > 2,
    },
    measures={
        "the number of pictures": lambda case: len(case["scores"]),
        "the number of classes": lambda case: case["scores"].shape[1],
    },
)


@softmax_cross_entropy.law(
    "definition",
    "loss = -(1/N) Σ_n log p[n, label n],  p = exp(scores) / Σ exp(scores)",
    about="loss",
    where="the mean over the N pictures",
)
def _loss_definition(loss: Any, right_loss: Any) -> Any:
    return np.asarray(loss), np.asarray(right_loss)


@softmax_cross_entropy.law("shift", "loss(scores + 3) = loss(scores)", about="loss", where="a constant added to all")
def _loss_shift(loss: Any, loss_of: Any, scores: Any) -> Any:
    return np.asarray(loss_of(scores=scores + 3)), np.asarray(loss)


@softmax_cross_entropy.law("large", "loss(4000 · scores) = the largest score less the label's", about="loss",
                           where="where the scores are far apart: no overflow, no log 0")  # fmt: skip
def _loss_large(loss_of: Any, scores: Any, labels: Any) -> Any:
    far = 4000 * np.round(4 * scores)
    ranked = np.sort(far, axis=1)
    if far.shape[1] > 1 and (ranked[:, -1] - ranked[:, -2]).min() < 4000:
        return None
    lost = far.max(axis=1) - far[np.arange(len(far)), labels]
    return np.asarray(loss_of(scores=far)), np.asarray(lost.mean())


@softmax_cross_entropy.law("gradient", "dscores = (p - onehot(labels)) / N", about="dscores")
def _loss_gradient(dscores: Any, right_dscores: Any) -> Any:
    return dscores, right_dscores


@softmax_cross_entropy.law(
    "balance", "Σ_c dscores[n, c] = 0", about="dscores", where="only differences of scores count"
)
def _loss_balance(dscores: Any) -> Any:
    return np.asarray(dscores).sum(axis=-1), np.zeros(len(dscores))
