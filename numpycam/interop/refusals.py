"""What a torch module does for which numpycam has no layer, in words."""

from collections.abc import Iterable
from typing import NamedTuple


class Lack(NamedTuple):
    """A call for which there is no layer: where it is, what is called, and what that does."""

    place: str
    what: str
    why: str
    error: type[Exception] = TypeError

    def __str__(self) -> str:
        return f"{self.place}: {self.what} is not supported: {self.why}."


_REASONS = {
    "joins branches side by side, but here they can only be added up, as in a ResNet": (
        "cat concat concatenate stack hstack vstack"
    ),
    "multiplies one branch by another, as a gate does": "mul multiply imul",
    "multiplies two matrices, as attention does": "matmul bmm einsum",
    "is attention, which multiplies values of the image by one another": (
        "multiheadattention multiheadattentionforward scaleddotproductattention shiftedwindowattention"
    ),
    "has a curve, so the network would not be piecewise linear": (
        "sigmoid logsigmoid softmax logsoftmax softmax2d softmin tanh silu gelu elu selu celu softplus hardswish mish "
        "exp log pow sqrt"
    ),
    "divides by numbers that it computes from the image, so the network would not be piecewise linear": (
        "layernorm groupnorm instancenorm instancenorm2d localresponsenorm normalize div divide truediv itruediv"
    ),
    "bends at another number than 0": "relu6 hardtanh hardsigmoid clamp clip threshold hardshrink softshrink",
    "has a slope below 0, too": "leakyrelu prelu rrelu",
    "changes the order of the axes, which stay (N, C, H, W) until they are flattened": (
        "permute transpose swapaxes swapdims movedim t T mT"
    ),
    "returns only a part of its input": "getitem chunk split tensorsplit unbind narrow select indexselect",
    "makes maps larger": "interpolate upsample upsamplingbilinear2d upsamplingnearest2d convtranspose2d pixelshuffle",
    "subtracts, but branches can only be added up": "sub subtract isub",
}
_WHY = {name: f"it {reason}" for reason, names in _REASONS.items() for name in names.split()}
_PROBABILITIES = {"sigmoid", "logsigmoid", "softmax", "logsoftmax", "softmax2d"}
OF_A_PARAMETER = "it stands outside of torch's layers"
UNKNOWN = "it is none of the functions for which there is a layer"
BY_A_CONSTANT = "it computes with a number or a parameter, which must be a part of a layer"


def why_not(name: str, is_last: bool) -> str:
    """Return what torch's function or module of this name does for which there is no layer; "" if that is not known."""
    plain = name.replace("_", "").lower()  # log_softmax, and LogSoftmax
    if is_last and plain in _PROBABILITIES:
        return "it has a curve. Leave it out: what goes into it is the scores"
    return _WHY.get(name) or _WHY.get(plain, "")


def refuse(lacks: Iterable[Lack | None]) -> None:
    """Raise one error that tells each reason once, in a line with the first place to which it applies."""
    firsts: dict[str, Lack] = {}
    for lack in lacks:
        if lack is not None:
            firsts.setdefault(lack.why, lack)
    if firsts:
        (first, *_), lines = firsts.values(), map(str, firsts.values())
        raise first.error("\n".join(lines))
