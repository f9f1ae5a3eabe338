"""How functions under test are called, what is refused before anything is asked, and what odd results are told."""

import functools

import numpy as np
import pytest
from helpers import some

from numpycam import laws
from numpycam.laws.cases import Case
from numpycam.laws.layout import to_ours, to_theirs
from numpycam.laws.subject import Habits, NotAskedError, Subject

conv_right, back_right = laws.conv2d.reference["forward"], laws.conv2d.reference["backward"]


def conv(x, w, b=None, stride=1, pad=0):
    return conv_right(x, w, b, (stride, stride), (pad, pad))


def conv_back(dout, x, w, stride=1, pad=0):
    return back_right(dout, x, w, (stride, stride), (pad, pad))


def relu(x):
    return np.maximum(x, 0)


def refusal_of(operation=laws.conv2d, **given):
    with pytest.raises((TypeError, ValueError)) as refused:
        operation.verify(**given)
    return str(refused.value)


def lesson_of(operation=laws.conv2d, **given):
    with pytest.raises(laws.LawViolation) as violated:
        operation.verify(**given)
    return str(violated.value)


def returning(made):
    """A convolution that returns something else, made of what is right."""

    def mine(x, w, b=None, stride=1, pad=0):
        return made(conv(x, w, b, stride, pad))

    return mine


# --- the order of axes


@pytest.mark.parametrize(
    ("own", "theirs", "shape", "as_theirs"),
    [
        ("NCHW", "NHWC", (2, 3, 4, 5), (2, 4, 5, 3)),
        ("NCHW", "CHW", (1, 3, 4, 5), (3, 4, 5)),
        ("NCHW", "HW", (1, 1, 4, 5), (4, 5)),
        ("O", "111O", (3,), (1, 1, 1, 3)),
        ("O", "O1", (3,), (3, 1)),
        ("O", "", (1,), ()),
        ("KHW", "NHWK", (3, 4, 5), (1, 4, 5, 3)),
        ("KHW", "NHWK", (2, 3, 4, 5), (2, 4, 5, 3)),  # a batch
    ],
)
def test_axes_are_put_into_their_order_and_back(own, theirs, shape, as_theirs):
    array = np.arange(float(np.prod(shape))).reshape(shape)
    given = to_theirs(array, own, theirs)
    assert given.shape == as_theirs
    np.testing.assert_array_equal(to_ours(given, own, theirs), array)


def test_an_array_with_other_axes_stays_as_it_is():
    assert to_ours(np.zeros((2, 3)), "NCHW", "NHWC").shape == (2, 3)
    assert to_ours(np.zeros((2, 3)), "O", "O1").shape == (2, 3)  # which has a longer axis where 1 should be


def test_what_an_axis_that_they_lack_would_hold_is_not_asked():
    def of_one_picture(image, kernel, stride=(1, 1), pad=(0, 0), dilation=(1, 1)):
        return conv_right(image[None, None], kernel[None, None], None, stride, pad, dilation)[0, 0]

    report = laws.conv2d.verify(forward=of_one_picture, layout="HW", weights="HW")
    assert report["batch"].reason == "there is no axis C, so its length is 1"
    assert report["definition"].cases > 0


@pytest.mark.parametrize("layout", ["nhwc", "NHCW2", "NNCHW", "1"])
def test_a_layout_of_other_letters_is_refused(layout):
    assert refusal_of(forward=conv, layout=layout).startswith("layout must be made of the letters of 'NCHW'")


# --- the names of arguments and options


def test_arguments_are_found_by_their_names_in_any_order():
    def backward(w, dout, x):
        return conv_back(dout, x, w)

    assert laws.conv2d.verify(backward=backward).is_right


def test_arguments_whose_names_are_not_known_are_given_by_place_or_as_takes_says():
    def forward(kern, pic):
        return conv(pic, kern)

    def backward(p1, p2, p3):
        return conv_back(p3, p1, p2)

    takes = {"forward": "weight x", "backward": "x W dout"}
    assert laws.conv2d.verify(forward=forward, backward=backward, takes=takes).is_right
    assert "Its arguments were given by their places: x, W, b. If that is not their order, say takes=…" in lesson_of(
        forward=lambda p1, p2: conv(p2, p1)
    )


def test_a_backward_pass_may_take_the_output():
    report = laws.relu.verify(forward=relu, backward=lambda dout, out: dout * (out > 0))
    assert report.is_right
    assert laws.relu.verify(backward=lambda dout, out: dout * (out > 0)).is_right  # of the right forward pass


def test_options_are_found_one_by_one_or_as_height_and_width_or_in_a_dict():
    right = laws.max_pool2d.reference["forward"]

    def in_two(x, pool_h, pool_w, stride):
        return right(x, (pool_h, pool_w), (stride, stride))

    def in_a_dict(x, param, padding=(0, 0)):
        return right(x, (param["f"],) * 2, (param["stride"],) * 2, padding)

    assert laws.max_pool2d.verify(forward=in_two).is_right
    report = laws.max_pool2d.verify(forward=in_a_dict, options="param: f stride")
    assert report.is_right
    unequal = [case for case in report["definition"].held if case["padding"][0] != case["padding"][1]]
    assert unequal  # the option beside the dict has a pair as its default: so it is given pairs


def test_an_option_that_must_be_one_number_is_asked_no_pairs_and_the_report_says_so():
    report = laws.conv2d.verify(forward=conv)
    assert {len({*case["stride"]}) for case in report["definition"].held} == {1}
    assert "conv takes one number for stride, padding: no pairs (height, width) were asked" in str(report)
    assert "conv has no dilation: not asked" in str(report)


def test_an_option_that_takes_pairs_alone_gets_pairs():
    report = laws.conv2d.verify(forward=lambda x, w, b, stride, padding: conv_right(x, w, b, stride, padding))
    assert report.is_right
    assert {len({*case["stride"]}) for case in report["definition"].held} == {1, 2}


def test_a_parameter_with_a_default_that_is_not_known_is_told():
    def with_step(x, w, b=None, step=1):
        return conv(x, w, b, step)

    assert "with_step was not given step, which laws.conv2d does not know" in str(laws.conv2d.verify(forward=with_step))


def test_functions_without_a_signature_are_called_by_place():
    assert laws.relu.verify(forward=functools.partial(np.maximum, 0)).is_right


def test_a_pool_without_a_stride_moves_by_its_window():
    def pool(x, k):
        n, c, h, w = x.shape
        return x[:, :, : h // k * k, : w // k * k].reshape(n, c, h // k, k, w // k, k).max((3, 5))

    assert laws.max_pool2d.verify(forward=pool).is_right


# --- caches, and functions that return both


def test_a_cache_goes_from_the_forward_pass_to_the_backward_pass():
    def forward(x):
        return relu(x), x

    assert laws.relu.verify(forward=forward, backward=lambda dout, cache: dout * (cache > 0), cache=True).is_right
    assert "relu should return (y, cache), but returned an array." in lesson_of(laws.relu, forward=relu, cache=True)
    assert "should return y alone, but returned a tuple of 2. If that is (y, cache), say cache=True." in lesson_of(
        laws.relu, forward=forward
    )


def test_a_loss_and_its_gradient_may_come_from_one_function():
    forward, backward = laws.softmax_cross_entropy.reference.values()
    report = laws.softmax_cross_entropy.verify(both=lambda x, y: (forward(x, y), backward(x, y)))
    assert report.is_right
    assert report["gradient"].cases > 0
    assert "both should return two things, but returned 1.0." in lesson_of(
        laws.softmax_cross_entropy, both=lambda x, y: 1.0
    )


# --- layers that are classes


class MakesItsOwnWeights:
    def __init__(self, in_channels, out_channels, kernel_size):
        self.weight = np.ones((out_channels, in_channels, kernel_size, kernel_size))

    def forward(self, x):
        return conv(x, self.weight)


class Relu:
    def forward(self, x):
        self.mask = x > 0
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


def test_a_layer_may_be_a_class():
    report = laws.relu.verify(layer=Relu)
    assert report.is_right
    assert report["gate"].cases > 0


def test_a_class_in_a_wrong_place_is_refused():
    assert "forward must be a function, got the class Relu" in refusal_of(laws.relu, forward=Relu)
    assert "layer must be a class with methods forward(x)" in refusal_of(laws.relu, layer=relu)
    assert "laws.grad_cam takes no layer" in refusal_of(laws.grad_cam, layer=Relu)
    message = refusal_of(layer=MakesItsOwnWeights)
    assert "forward must be given 'kernel_size', which laws.conv2d does not know" in message


# --- what is refused before anything is asked


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "laws.conv2d needs a function to verify: forward=…, backward=…."),
        ({"froward": conv}, "Did you mean 'forward'?"),
        ({"forward": conv, "pads": 1}, "takes, returns, cache, options, layout, weights, bias, limits, pairs"),
        ({"forward": "conv"}, "forward must be a function, got 'conv'. Pass it without calling it."),
        ({"forward": np.zeros(3)}, "forward must be a function, got an array."),
        ({"forward": None}, "forward must be a function, got None."),
        ({"forward": conv, "backward": lambda dout, cache: 1}, "takes a cache. Say cache=True"),
        ({"backward": lambda dout, cache: 1, "cache": True}, "cache=True needs forward=…"),
        (
            {"forward": lambda x, w, b, step: 1},
            "must be given 'step', which laws.conv2d does not know. Its options are",
        ),
        ({"forward": lambda x, w, b, strid: 1}, "Did you mean 'stride'?"),
        (
            {"forward": conv, "options": "conv_param: stride"},
            "options names the dict 'conv_param', which is no parameter",
        ),
        ({"backward": conv_back, "returns": "dx dq"}, 'returns must be made of "dx dw db", each once at most'),
        ({"backward": conv_back, "takes": "u W W"}, "takes must be made of"),
        ({"forward": conv, "limits": {"strides": 1}}, "limits must name some of square, x, weight"),
        ({"forward": conv, "limits": {"stride": 7}}, "could be asked"),
        ({"forward": conv, "dtype": "float16"}, "dtype must be one of 'float64', 'float32'"),
    ],
)
def test_a_mistake_in_the_call_is_named(given, message):
    assert message in refusal_of(**given)


def test_the_names_of_what_comes_back_may_be_theirs():
    def backward(dout, x, w):
        dx, dw, _ = conv_back(dout, x, w)
        return dw, dx

    report = laws.conv2d.verify(backward=backward, returns="dW dX")
    assert report.is_right
    assert report["bias"].reason == "backward returns no db"


# --- odd results


INSTEAD = [
    (lambda y: None, "mine returned None. Is there a return at its end?"),
    (lambda y: (y, y, y), "mine should return y alone, but returned a tuple of 3."),
    (lambda y: y + 0j, "y should hold real numbers, but has the dtype complex128."),
    (lambda y: "done", "y should be an array of numbers, but has 'done' in it."),
    (lambda y: ..., "y should be an array of numbers, but has ellipsis in it."),
    (lambda y: [[1], [1, 2]], "y should be an array, but has rows of different lengths."),
    (lambda y: y * np.nan, "Your y is NaN everywhere: 0/0?"),
    (lambda y: y * 0, "Your y is 0 everywhere."),
    (lambda y: -y, "Your y is minus the right one."),
    (lambda y: y.transpose(1, 0, 2, 3), "Your y is the right one with its axes in another order, (1, 0, 2, 3)."),
    (lambda y: y[..., ::-1], "Your y is the right one, mirrored along its axis 3."),
    (lambda y: y.ravel(), "The numbers of your y are right, in another shape."),
    (lambda y: y.clip(0), "The layer has a ReLU inside of it"),
    (lambda y: abs(y), "Your y is the absolute value of the right one."),
    (lambda y: y + 1e-5, "Your y differs in its last digits alone."),
    (lambda y: 1 / 0, "raised ZeroDivisionError: division by zero"),
    (lambda y: y[5], "raised IndexError: index 5 is out of bounds for axis 0 with size 1"),
]
"""What is returned in the place of y, and what is said of it."""


@pytest.mark.parametrize(("made", "message"), some(INSTEAD))
def test_what_came_instead_is_told(made, message):
    assert message in lesson_of(forward=returning(made))


@pytest.mark.parametrize("made", [lambda y: y.tolist(), lambda y: y.astype(np.longdouble), np.asfortranarray])
def test_what_holds_the_right_numbers_is_right(made):
    assert laws.conv2d.verify(forward=returning(made)).is_right


def test_too_many_results_are_told():
    assert 'should return "dx dw db", but returned a tuple of 4.' in lesson_of(
        backward=lambda dout, x, w: (*conv_back(dout, x, w), 0)
    )


def test_an_error_says_on_which_line_of_theirs_and_of_which_pair():
    def forward(x, w, b=None, stride=1, pad=0):
        if pad == 0:
            return conv(x, w, b, stride, pad)
        raise NotImplementedError("your code here")

    lesson = lesson_of(forward=forward)
    assert "    raised NotImplementedError: your code here\n" in lesson
    assert '  → It was raised by the line: raise NotImplementedError("your code here")\n' in lesson
    assert "cases with padding, right in all" in lesson


def test_a_function_that_returns_at_random_is_asked_again_first():
    random = np.random.default_rng(0)
    lesson = lesson_of(forward=returning(lambda y: y + random.integers(0, 2)))
    assert lesson.startswith("conv2d breaks again:")


def test_what_is_infinite_is_near_to_nothing_else():
    forward = laws.softmax_cross_entropy.reference["forward"]
    lesson = lesson_of(laws.softmax_cross_entropy, forward=lambda x, y: np.inf if abs(x).max() > 99 else forward(x, y))
    assert "yours is inf" in lesson


def test_a_limit_is_shown_where_it_counts():
    lesson = lesson_of(laws.relu, forward=lambda x: np.minimum(relu(x), 1e6))
    assert "    x = [2^40]\n    y should be [2^40], yours is [1000000]\n" in lesson
    assert lesson.endswith("To see it: forward(np.array([2.0**40]))")
    lesson = lesson_of(laws.hirescam, cam=lambda A, g: np.where((A * g).sum(0) <= 1e-9, 0, (A * g).sum(0)))
    assert "map should be [[2^-40]], yours is [[0]]" in lesson


def test_an_array_that_is_used_again_is_told_by_its_second_use():
    def relu_into(x, buffers={}):  # noqa: B006 - that is the mistake
        return np.maximum(x, 0, out=buffers.setdefault(x.shape, np.empty(x.shape)))

    lesson = lesson_of(laws.relu, forward=relu_into)
    assert "y is [1]; after another call of relu_into, the same array is [0]" in lesson
    assert "To see it: result = relu_into(np.array([1.])); relu_into(np.array([0.])); result" in lesson


def test_the_mistake_in_the_forward_pass_comes_first():
    lesson = lesson_of(forward=lambda x, w: 2 * conv(x, w), backward=conv_back, limits={"stride": 1, "padding": 0})
    assert lesson.startswith("conv2d breaks definition:")
    assert lesson.endswith("Your backward pass is right. It will fit when the forward pass is mended.")
    violations = laws.conv2d.verify(forward=lambda x, w: 2 * conv(x, w), backward=conv_back, raises=False)
    later = str(laws.LawViolation(violations, violations["adjoint-x"]))
    assert "Your dx is right. It does not fit your forward pass, which is wrong: mend that first." in later
    assert later.endswith("definition is broken, too. Mend that first.")


def test_the_smallest_case_keeps_what_the_law_needs():
    """A pool with another choice at ties must not be told of a tie, which is no mistake."""

    def backward(dout, x, size=2, stride=2):
        right = laws.max_pool2d.reference["backward"]
        return 2 * right(dout, x[..., ::-1], (size, size), (stride, stride))[..., ::-1]

    with pytest.raises(laws.LawViolation) as violated:
        laws.max_pool2d.verify(backward=backward, limits={"square": True})
    x = eval(str(violated.value).split("    x = ")[1].splitlines()[0])
    assert len({*np.ravel(x)}) == np.size(x)


def test_hypothesis_finds_it_too_and_says_as_much():
    """Which case it finds is chance. What is said of all cases comes from the sweep."""
    with pytest.raises(laws.LawViolation) as violated:
        laws.grad_cam.verify(cam=lambda A, g: relu(np.tensordot(g.sum((1, 2)), A, 1)), how="hypothesis")
    lesson = str(violated.value)
    assert violated.value.mistake == "sum-for-mean"
    assert "Take their mean." in lesson
    assert "cases with several cells, right in all" in lesson


# --- subjects


def test_an_option_that_they_lack_is_not_asked():
    subject = Subject(laws.conv2d, {"forward": lambda x, w: conv(x, w)}, Habits())
    arrays = {"x": np.ones((1, 1, 2, 2)), "weight": np.ones((1, 1, 1, 1)), "bias": None}
    options = {"stride": (2, 2), "padding": (0, 0), "dilation": (1, 1)}
    with pytest.raises(NotAskedError, match="forward has no option stride"):
        subject.call("forward", Case("integers", {}, arrays, options))
