"""The residual block: where two ways meet, values add up, and so do gradients."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from numpycam.core.arrays import Array, Shape
from numpycam.core.base import Layer
from numpycam.core.network import Network, check_network


@dataclass(frozen=True, eq=False, repr=False)
class Residual(Layer):
    """y = body(x) + shortcut(x).

    ds/dx = body.backward(ds/dy) + shortcut.backward(ds/dy): x acts on s by both ways, and what it does adds up.

    Parameters
    ----------
    body : Network
    shortcut : Network
        If it is empty, the shortcut is x itself. Both ways must return the same shape.

    Notes
    -----
    The names of the layers inside begin with the name of the block: ``"block.body.conv"``. They are no layers at which
    a network can be cut: the other way goes past them. Only the block as a whole is one. For its ways,
    g ⊙ body(x) + g ⊙ shortcut(x) = g ⊙ y, cell by cell: HiResCAM of the block is the sum over both.

    The block keeps nothing of what happens inside. So its backward pass computes the inside once more, as gradient
    checkpointing does: it takes the time of a second forward pass, and no memory. Grad-CAM at the block's output, or at
    a layer behind it, takes no gradient through it.

    Source: He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, equations 1 and 2. There a ReLU
    follows each block.

    Examples
    --------
    >>> import numpy as np
    >>> from numpycam.core.layers import Linear, ReLU
    >>> block = Residual(Network([("linear", Linear([[2.0, 0.0], [0.0, -3.0]])), ("relu", ReLU())]))
    >>> x = np.array([[1.0, 1.0]])
    >>> block.forward(x)  # (2, 0) by the body, (1, 1) by the shortcut
    array([[3., 1.]])
    >>> block.backward(np.array([[10.0, 20.0]]), x)  # (20, 0) by the body, (10, 20) by the shortcut
    array([[30., 20.]])
    """

    body: Network
    shortcut: Network = field(default_factory=lambda: Network([]))

    def __post_init__(self) -> None:
        check_network(self.body)
        check_network(self.shortcut)

    @property
    def ways(self) -> Mapping[str, Network]:
        return {"body": self.body, "shortcut": self.shortcut}

    @property
    def is_convolution(self) -> bool | None:
        inside = [layer.is_convolution for way in (self.body, self.shortcut) for _, layer in way.row]
        return True if True in inside else None if None in inside else False

    def output_shape(self, input_shape: Shape) -> Shape:
        body, shortcut = self.body.output_shape(input_shape), self.shortcut.output_shape(input_shape)
        if body != shortcut:
            raise ValueError(
                f"body and shortcut must return the same shape, got {body} and {shortcut} for x {input_shape}."
            )
        return body

    def forward(self, x: Array) -> Array:
        self.check(x)
        return self.body.forward(x) + self.shortcut.forward(x)

    def backward(self, grad_output: Array, x: Array) -> Array:
        self.check(x, grad_output)
        return self.body.backward(grad_output, x) + self.shortcut.backward(grad_output, x)

    def parameter_gradients(self, grad_output: Array, x: Array) -> dict[str, Array]:
        self.check(x, grad_output)
        body, shortcut = (way.parameter_gradients(grad_output, x) for way in (self.body, self.shortcut))
        return {f"body.{name}": g for name, g in body.items()} | {f"shortcut.{name}": g for name, g in shortcut.items()}

    def __repr__(self) -> str:
        shortcut = f", {self.shortcut!r}" if self.shortcut.layers else ""
        return f"{type(self).__name__}({self.body!r}{shortcut})"
