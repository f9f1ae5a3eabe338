"""What students are told: of each hand-in the law, what should be and what came, the hint, and where it is wrong."""

import re
from pathlib import Path

import numpy as np
import pytest
from helpers import some

from laws.lessons import lesson_of, transcript
from laws.students import STUDENTS
from numpycam import Conv2d, Network, ReLU
from numpycam.exact import as_fractions

GOLDEN = (Path(__file__).parents[1] / "golden" / "lessons.txt").read_text().rstrip().split("\n\n")

ALL_CASES = "Wrong in all cases."
CELLS, MAPS, PICTURES = "with several cells", "with several maps", "with several pictures"
OVERLAP, KERNEL = "where windows overlap", "with a kernel of several cells"
SQUARE = 'say limits={"square": True}'

LESSONS = {
    "TrueConvolution": ("definition", "y should be [[[[1]]]], yours is [[[[0]]]]", "turns the kernel", KERNEL,
                        "Your backward pass is right. It will fit when the forward pass is mended."),
    "TrueConvolutionBothWays": ("definition", "y should be [[[[1]]]], yours is [[[[0]]]]", "turned in both passes",
                                KERNEL, "Your backward pass fits this forward pass"),
    "KernelNotTurned": ("adjoint-x", "dx should be [[[[0, 0], [0, 1]]]], yours is [[[[1, 0], [0, 0]]]]",
                        "turn it by 180° first", KERNEL),
    "Rot90OnTheWrongAxes": ("adjoint-x", "dx should be [[[[0]], [[1]]]], yours is [[[[1]], [[0]]]]", "np.rot90(W, 2)"),
    "PadsTheGradientByP": ("adjoint-x", "dx should have the shape (1, 1, 2, 2), yours has (1, 1, 0, 0)",
                           "dx should have the shape of x"),
    "SliceWithPadZero": ("adjoint-x", "dx should have the shape (1, 1, 1, 1), yours has (1, 1, 0, 0)",
                         "-0 is 0", "without padding", "conv_param={'stride': 1, 'pad': 0})[1])[0]"),
    "StrideLost": ("adjoint-x", "dx should be [[[[0]]]], yours is [[[[1]]]]", "goes to those from i on",
                   "with a stride"),
    "SizeRoundedUp": ("size", "y should have the shape (1, 1, 1, 1), yours has (1, 1, 2, 1)", "Round down",
                      "with rows or columns that no window reaches"),
    "HeightForWidth": ("size", "raised IndexError: index 1 is out of bounds for axis 3 with size 1",
                       "raised by the line: y[:, :, i, j] =", "with several rows of places"),
    "ChannelsExchanged": ("adjoint-x", "raised ValueError: ", 'raised by the line: dx[:, :, i : i + kh, j : j + kw] +=',
                          MAPS),
    "MeanOverTheBatch": ("adjoint-w", "dW should be [[[[2]]]], yours is [[[[1]]]]", "the loss divides by N", PICTURES),
    "LastPictureOnly": ("adjoint-w", "dW should be [[[[2]]]], yours is [[[[1]]]]", "keeps the last picture's",
                        PICTURES),
    "BiasPerPicture": ("bias", "db should have the shape (1,), yours has (1, 1)", "sum over them, too", ALL_CASES),
    "ReturnsInsideTheLoop": ("definition", "y should be [[[[1], [1]]]], yours is [[[[1], [0]]]]",
                             "does a loop end too early", "with several rows of places"),
    "BiasOnTheWrongAxis": ("size", "y should have the shape (1, 2, 1, 1), yours has (1, 2, 1, 2)",
                           "y + bias[:, None, None]", "with a bias"),
    "Float32Inside": ("definition", "y should be [[[[0.1]]]], yours is [[[[0.100000001]]]]", "inside is float32"),
    "WholeNumbersOnly": ("definition", "y should be [[[[1/10]]]], yours is [[[[0]]]]", "whole numbers only"),
    "NoReturn": ("adjoint-x", "conv2d_backward returned None. Is there a return at its end?"),
    "OutputsInAnotherOrder": ("adjoint-x", "dx should be [[[[1]]]], yours is [[[[-1]]]]",
                              'What you return as dx is dW. Say returns=… if "dx dw db" is not the order.'),
    "RunsOverTheEdge": ("size", "raised IndexError: ", "raised by the line: out[:, f, i // stride, j // stride] =",
                         OVERLAP),
    "OnePictureTurned": ("definition", "y should be [[1]], yours is [[0]]", "leave the kernel as it is", KERNEL),
    "OnlySquaresUnsaid": ("size", "y should have the shape (1, 3), yours has (2, 2)", SQUARE),
    "StrideLostInTheView": ("definition", "y should be [[[[0, 0], [0, 0]]]], yours is [[[[0, 0], [0, 1]]]]",
                            "with a stride"),
    "FancyAdd": ("adjoint-x", "dx should be [[[[4]]]], yours is [[[[1]]]]", "Use np.add.at", OVERLAP),
    "Col2imAssigns": ("adjoint-x", "dx should be [[[[4]]]], yours is [[[[1]]]]", "use +=", OVERLAP),
    "BiasGradientAssigned": ("bias", "db should be [[[[2]]]], yours is [[[[1]]]]", "in all pictures"),
    "UpdatesFirst": ("adjoint-x", "dx should be [[[[1]]]], yours is [[[[7/8]]]]", "It writes into its arguments, too"),
    "AffineLayer": ("adjoint-w", "dW should have the shape (2, 1), yours has (1, 2)", "the axes of W exchanged",
                    "for axes in the order OI; yours is IO", "layer.backward(np.array([[1.]])); layer.dW"),
    "PoolingLayer": ("winners", "yours is [[[[2, 0, 0, 0], [0, 0, 0, 0]]]]", "with several places"),
    "MaskFromTheOutput": ("gate", "dx should be [0], yours is [1]", "y >= 0 is true everywhere",
                          "with a negative number"),
    "GuidedReLU": ("gate", "dx should be [-1], yours is [0]", "guided backpropagation"),
    "TheGateAlone": ("gate", "dx should be [0], yours is [1]", "the slope alone"),
    "TimesTheActivation": ("gate", "dx should be [1], yours is [2]", "multiplied by relu(x)"),
    "InPlace": ("pure", "relu writes into x: it was [-1], and is [0] after the call", "relu(x); x"),
    "SwallowsNaN": ("nan", "y should be [nan], yours is [0]", "NaN > 0 is false"),
    "LastMask": ("again", "dx is [1] the first time, and [0] when relu_backward is called again", "an earlier call"),
    "LastWindowWins": ("winners", "yours is [[[[0, 0, 0], [0, 1, 0]]]]", "A cell can win several windows", OVERLAP),
    "PadsWithZeros": ("definition", "y should be [[[[-1]]]], yours is [[[[0]]]]", "Pad with -inf", "with padding"),
    "AxesOfAnotherLayout": ("definition", "y should be [[[[2]]]], yours is [[[[-1]]]]"),
    "WinnerOfAllChannels": ("winners", "dx should be [[[[0, 0], [1, 0]], [[1, 0], [0, 0]]]]", "with several channels"),
    "ForgetsToShare": ("adjoint", "dx should be [[[[1/4, 1/4], [1/4, 1/4]]]], yours is [[[[1, 1], [1, 1]]]]",
                       "gets 1/(k k) of the gradient"),
    "AffineMean": ("adjoint-w", "dW should be [[2]], yours is [[1]]", "divided by the number of pictures", PICTURES),
    "WeightGradientTransposed": ("adjoint-w", "dW should have the shape (1, 2), yours has (2, 1)", "dW = u.T @ x"),
    "GradientNotDivided": ("gradient", "yours is [[-1/2, 1/2], [-1/2, 1/2]]", "divided by N", PICTURES,
                           "softmax_loss(np.array([[1., 1.], [1., 1.]]), np.array([0, 0]))[1]"),
    "SigmoidSlope": ("gradient", "dscores should be [[-1/2, 1/2]], yours is [[-1/8, 1/8]]", ALL_CASES),
    "NoShift": ("large", "loss should be 16000, yours is inf", "Subtract the largest score"),
    "LogOfZero": ("large", "loss should be 16000, yours is inf", "log 0 is infinite"),
    "SumForMean": ("map", "map should be [[1, 1]], yours is [[2, 2]]", "Take their mean", CELLS),
    "StartsFromOnes": ("map", "map should be [[1]], yours is [[2]]", "starts from np.ones"),
    "WrongAxes": ("map", "map should be [[1/2, 1/2]], yours is [[0, 0]]"),
    "MeanOverMaps": ("map", "map should be [[1]], yours is [[1/2]]", "The weighted maps are averaged", MAPS,
                     "for axes in the order KHW; yours is HWK"),
    "MeanOverTheBatchToo": ("batch", "map should be [[[0]], [[0]]], yours is [[[1/2]], [[0]]]", "over several images"),
    "BatchUnsaid": ("map", "not enough values to unpack (expected 4, got 3)", 'say layout="NKHW"', ALL_CASES),
    "NoReLU": ("map", "map should be [[0]], yours is [[-1]]", "End with a ReLU"),
    "AbsoluteValue": ("map", "map should be [[0]], yours is [[1]]", "as if it spoke for it: |L|"),
    "EarlyReLU": ("map", "map should be [[0]], yours is [[1]]", "Add the maps up first, then the ReLU", MAPS),
    "PositiveGradientsOnly": ("map", "map should be [[1]], yours is [[0]]", "dropped before the mean",
                              "with a negative gradient"),
    "ScaledGradients": ("map", "map should be [[2]], yours is [[0.999995]]"),
    "FromMinimumToMaximum": ("map", "map should be [[0, 1/2]], yours is [[0, 1]]", "from its minimum to its maximum"),
    "IgnoresNaN": ("nan", "map should be [[nan]], yours is [[0]]", "it may not be lost"),
    "WeighsInPlace": ("pure", "grad_cam writes into A: it was [[[1]]], and is [[[0]]] after the call"),
    "SumInsideThePower": ("map", "map should be [[1/4, 1/4]], yours is [[1/3, 1/3]]", "It is S g³", CELLS),
    "LostDivision": ("map", "map should be [[1/3]], yours is [[1]]", "its result is lost"),
    "Epsilon": ("map", "map should be [[0.33333333]], yours is [[0.33333332]]", "A small number is added"),
    "PlainMean": ("alphas", "α should be [1], yours is [1/2]", "These are the weights of Grad-CAM", CELLS),
    "ReLUAroundTheProduct": ("map", "map should be [[0]], yours is [[1]]", "LayerCAM has it on the gradients alone",
                             "with a negative feature"),
    "GradientsAveraged": ("map", "map should be [[0, 1]], yours is [[1/2, 1/2]]", "multiplies cell by cell", CELLS),
    "SizesExchanged": ("size", "resized map should have the shape (2, 3), yours has (3, 2)", "(width, height)"),
    "RowsByColumns": ("mirror", "the mirrored result = [[1, 0, 0], [1, 0, 0]]"),
    "ZeroByZero": ("definition", "normalised map should be [[0]], yours is [[nan]]", "Leave it as it is",
                   "with a map of zeros"),
    "MinMax": ("definition", "normalised map should be [[1]], yours is [[0]]", "subtract nothing"),
    "EpsilonBelow": ("any-scale", "heat (cam) = [[2^-40]]", "Is there an epsilon below a line"),
    "WrapsAt255": ("definition", "overlay should be [[[1, 1, 1]]], yours is [[[42/85, 42/85, 42/85]]]"),
    "AddsTheHeat": ("definition", "The picture has the weight 1 - opacity", "with an opacity between 0 and 1"),
    "ShortcutForgotten": ("ways", "dx should be [[[[-1]]]], yours is [[[[-2]]]]", "add the shortcut's"),
    "AddsInPlace": ("pure", "forward writes into x: it was [[[[1]]]], and is [[[[-1]]]] after the call"),
}  # fmt: skip
"""For each hand-in with a mistake: the law that is named, and what its lesson must say."""

RIGHT = [name for name in STUDENTS if name not in LESSONS]

SOME = some(LESSONS, 6)


@pytest.mark.parametrize("name", SOME)
def test_a_lesson_says_what_helps(name):
    law, *parts = LESSONS[name]
    lesson = lesson_of(name)
    assert lesson.law == law
    for part in parts:
        assert part in str(lesson)
    assert len(str(lesson).splitlines()) <= 20


@pytest.mark.parametrize("name", SOME)
def test_its_call_shows_it_again(name):
    """The call is Python that runs, and its value, or its error, is the one that the lesson tells of."""
    lesson = lesson_of(name)
    assert f"  To see it: {lesson.call}" in str(lesson).splitlines()
    value, error = run(lesson.call, STUDENTS[name].names)
    if error:
        assert f"    raised {type(error).__name__}: {error}" in str(lesson).splitlines()
    elif value is None:
        assert "returned None" in str(lesson)
    elif shape := re.search(r"yours has (\(.*\))", str(lesson)):
        assert np.shape(value) == eval(shape[1])
    else:
        told = re.search(TOLD.get(lesson.law, r"yours is (.*)|the mirrored result = (.*)"), str(lesson))
        wrong = eval(told[1] or told[2], {"nan": np.nan, "inf": np.inf})  # 1/3 is a number, too
        value = {"again": lambda: value[-1], "mirror": lambda: value[:, ::-1]}.get(lesson.law, lambda: value)()
        np.testing.assert_allclose(np.asarray(value, float), wrong, rtol=1e-5, atol=1e-9)


TOLD = {"again": "and (.*) when .* is called again", "pure": "and is (.*) after the call"}


def run(call, names):
    """The value of the last expression of a call, or the error that it raises."""
    names = {"np": np, "as_fractions": as_fractions, "Network": Network, "Conv2d": Conv2d, "ReLU": ReLU, **names}
    *statements, last = call.split("; ")
    try:
        with np.errstate(all="ignore"):
            for statement in statements:
                exec(statement, names)
            return eval(last, names), None
    except Exception as error:
        return None, error


@pytest.mark.parametrize("name", RIGHT)
def test_no_alarm_is_false(name):
    assert lesson_of(name) is None


@pytest.mark.parametrize("name", SOME)
def test_the_whole_lesson_is_that_of_the_golden_file(name):
    """To write the file again, run ``python -m laws.lessons > golden/lessons.txt`` in the folder of the tests."""
    assert transcript(name).rstrip() in GOLDEN


def test_the_golden_file_has_no_other_lessons():
    assert [text.partition("\n")[0].removeprefix("# ") for text in GOLDEN] == [
        name for name in STUDENTS if name in LESSONS
    ]
