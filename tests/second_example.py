"""A picture and a network on which no two methods agree, with what each of them gives.

The worked example cannot tell LayerCAM from HiResCAM after the ReLU. Here every method differs from every other one,
even after both maps are divided by their maxima.

            x              hidden             ReLU            A                    g = dy/dA
      1   2   3     x      1   2   3     1  2  3     A^1   0   2   3     g^1   1  -1   2     y = <A, g> = 2
      2  -1   1            2  -1   1     2  0  1           2  -5   0           1   1  -1
                    3-2x   1  -1  -3     1  0  0     A^2   3   2   1     g^2   2  -2  -2
                          -1   5   1     0  5  1           2   4   3           0   1  -1
"""

from numpycam import Conv2d, Flatten, Linear, Network, ReLU
from numpycam.exact import as_fractions

IMAGE = as_fractions([[[1, 2, 3], [2, -1, 1]]])
FEATURE_MAPS = as_fractions([[[0, 2, 3], [2, -5, 0]], [[3, 2, 1], [2, 4, 3]]])
GRADIENTS = as_fractions([[[1, -1, 2], [1, 1, -1]], [[2, -2, -2], [0, 1, -1]]])
OTHER_CLASS = [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]  # its score is 5


def _mix(weight, bias):
    return Conv2d(as_fractions(weight)[:, :, None, None], as_fractions(bias))


NETWORK = Network(
    [
        ("hidden", _mix([[1], [-2]], [0, 3])),
        ("relu", ReLU()),
        ("maps", _mix([[1, -1], [-1, 0]], [0, 4])),
        ("flatten", Flatten()),
        ("linear", Linear(as_fractions([GRADIENTS.flatten().tolist(), OTHER_CLASS]))),
    ]
)


def _row(*alphas_and_sum):
    alphas, weighted_sum = alphas_and_sum if len(alphas_and_sum) == 2 else (None, *alphas_and_sum)
    return alphas if alphas is None else as_fractions(alphas), as_fractions(weighted_sum)


# patches of one pixel would give the integrated gradients: here no pixel's part depends on another pixel
OPTIONS = {"occlusion": {"size": (1, 2)}}

# method: α if it has any, L = the sum of the weighted maps before the ReLU
VALUES = {
    "grad_cam": _row(["1/2", "-1/3"], [[-1, "1/3", "7/6"], ["1/3", "-23/6", -1]]),
    "grad_cam_plus_plus": _row(
        ["13/12", "33/272"], [["99/272", "983/408", "917/272"], ["983/408", "-503/102", "99/272"]]
    ),
    "xgrad_cam": _row(["1/2", "1/15"], [["1/5", "17/15", "47/30"], ["17/15", "-67/30", "1/5"]]),
    "hirescam": _row([[6, -6, 4], [2, -1, -3]]),
    "element_wise_grad_cam": _row([[6, 0, 6], [2, 4, 0]]),
    "layercam": _row([[6, 0, 6], [2, -1, 0]]),
    "ablation_cam": _row(["1/2", "1/2"], [["3/2", 2, 2], [2, "-1/2", "3/2"]]),
    "occlusion": _row([[0, "17/2", 17], [3, "-1/2", -4]]),
    "gradient": _row([[1, 1, 4], [1, 2, 2]]),
    "gradient_times_input": _row([[1, 2, 12], [2, -2, -2]]),
    "integrated_gradients": _row([[1, -1, 18], [5, -2, -2]]),
    "guided_backprop": _row([[0, 1, 4], [1, 0, -2]]),
    "guided_grad_cam": _row([[0, "1/3", "14/3"], ["1/3", 0, 0]]),
    "full_grad": _row([[12, 10, 20], [2, 9, 9]]),
}
