"""Layers of the user's own: each method is right for them, or refuses them by their name."""

import functools
from collections import deque
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import pytest
from helpers import refusal, same
from own_layers import (
    Backwards,
    Clip,
    Double,
    DoubleThatSaysSo,
    Hiding,
    Maximum,
    MixedConv,
    Scale,
    ScaleThatLearns,
    Skip,
    Square,
    Squashed,
    Wrapping,
    doubled,
)

from numpycam import (
    AvgPool2d,
    Conv2d,
    Flatten,
    GlobalAvgPool2d,
    Layer,
    Linear,
    MaxPool2d,
    Network,
    ReLU,
    grad_cam,
    interventions,
)
from numpycam.core.base import Affine
from numpycam.exact import as_floats, as_fractions
from numpycam.experiments.training import fit
from numpycam.methods import cam, full_grad, guided_backprop, guided_grad_cam
from numpycam.methods.quadrature import midpoint_error

IMAGE = as_fractions([[[1, 2], [3, 4]]])
CONV = Conv2d(as_fractions([[[[3]]]]))
HEAD = [("mean", GlobalAvgPool2d()), ("linear", Linear(as_fractions([[4]])))]
WIDE = Conv2d(as_fractions([[[[1, 2]]], [[[-1, 1]]]]), as_fractions([1, -2]))
PICTURE = as_fractions([[[1, -2, 3], [0, 4, -1]]])


def between(layer, *, before=(("conv", CONV),), after=HEAD):
    return Network([*before, ("own", layer), *after])


# --- Guided backpropagation -------------------------------------------------------------------------------------------


def test_a_rectifier_of_ones_own_is_guided_by_its_own_passes():
    explanation = guided_backprop(between(Clip()), IMAGE)
    assert explanation.score == 21
    assert explanation.weighted_sum.tolist() == [[3, 0], [0, 0]]


def test_guided_grad_cam_runs_a_rectifier_of_ones_own():
    explanation = guided_grad_cam(between(Clip()), IMAGE)
    heat = grad_cam(between(Clip()), IMAGE, layer="conv").localization_map
    assert explanation.score == 21
    assert same(explanation.weighted_sum, as_fractions([[3, 0], [0, 0]]) * heat)


def test_a_rectifier_of_ones_own_lets_no_negative_gradient_through():
    against = Network([("conv", CONV), ("own", Clip()), *HEAD[:1], ("linear", Linear(as_fractions([[-4]])))])
    assert not guided_backprop(against, IMAGE).weighted_sum.any()


UNKNOWN = [Double(WIDE.weight), Scale(as_fractions([2])), Squashed([[1.0]])]


@pytest.mark.parametrize("layer", UNKNOWN, ids=repr)
def test_guided_backpropagation_asks_whether_a_layer_is_a_rectifier(layer):
    network = Network([("own", layer)])
    message = refusal(TypeError, lambda: guided_backprop(network, IMAGE))
    assert message.startswith(f"layer 'own', {layer!r}, does not say whether it is a rectifier")


def test_a_layer_that_says_that_it_is_no_rectifier_is_left_as_it_is():
    plain, own = between(doubled(WIDE), before=()), between(DoubleThatSaysSo(WIDE.weight, WIDE.bias), before=())
    plain, own = (Network([*n.layers[:2], ("linear", Linear(as_fractions([[1, -2]])))]) for n in (plain, own))
    assert same(guided_backprop(own, PICTURE).weighted_sum, guided_backprop(plain, PICTURE).weighted_sum)


# --- FullGrad, paths, receptive fields --------------------------------------------------------------------------------


def test_full_grad_does_not_leave_out_the_biases_of_a_layer_that_it_does_not_know():
    inside = [("conv", Conv2d(as_fractions([[[[2]]]]), as_fractions([5])))]
    network = Network([("skip", Skip(inside)), *HEAD])
    message = refusal(TypeError, lambda: full_grad(network, IMAGE))
    assert message.startswith(
        "FullGrad needs piecewise linear layers that say so (see numpycam.Layer); 'skip' is Skip("
    )


def test_full_grad_holds_the_biases_of_a_layer_that_tells_them():
    plain, own = (
        Network([("conv", conv), ("relu", ReLU()), ("mean", GlobalAvgPool2d())])
        for conv in (doubled(WIDE), DoubleThatSaysSo(WIDE.weight, WIDE.bias))
    )
    assert same(full_grad(own, PICTURE).weighted_maps, full_grad(plain, PICTURE).weighted_maps)
    assert full_grad(own, PICTURE).weighted_maps[1].any()


@pytest.mark.parametrize("layer", [Clip(), Double(CONV.weight), MixedConv(CONV.weight), Wrapping(ReLU()), Skip([])])
@pytest.mark.parametrize(
    ("ask", "error", "beginning"),
    [
        (lambda network: full_grad(network, IMAGE), TypeError, "FullGrad needs piecewise linear layers"),
        (lambda network: interventions.path(network, 0 * IMAGE, IMAGE), TypeError, "a path needs piecewise linear"),
        (lambda network: midpoint_error(network, IMAGE, steps=2), TypeError, "the bound needs piecewise linear layers"),
        (lambda network: interventions.receptive_field(network, (0, 0), 2, "own"), ValueError, "layer 'own', "),
    ],
    ids=["full_grad", "path", "midpoint_error", "receptive_field"],
)
def test_what_a_layer_does_not_say_is_not_taken_from_its_base(layer, ask, error, beginning):
    message = refusal(error, lambda: ask(between(layer)))
    assert message.startswith(beginning)
    assert repr(layer) in message


class Steep(ReLU):
    """y = 3 max(x, 0): a rectifier that says so, and whose slope is not 1."""

    def forward(self, x):
        return 3 * np.maximum(x, 0)

    def backward(self, grad_output, x):
        return 3 * grad_output * (x > 0)

    def rivals(self, x):
        return np.stack([3 * x, 0 * x])


def test_the_bound_takes_no_other_maximum_for_that_of_a_relu():
    message = refusal(TypeError, lambda: midpoint_error(between(Steep()), IMAGE, steps=1))
    assert message.startswith("the bound needs a maximum of x and 0, or of the cells of a window, and Steep()")
    line = interventions.path(between(Steep()), -IMAGE, IMAGE)
    assert line.integrated_gradients.sum() == line.scores[-1] - line.scores[0]


def test_what_a_layer_is_can_be_asked_of_weights_that_are_not_finite():
    conv = Conv2d(np.array([[[[np.nan]]]]), check_finite=False)
    assert Network([("conv", conv)]).summary((1, 2, 2)).rows[0].multiply_adds == 4
    assert np.isnan(Linear([[np.nan]], check_finite=False).affine((1, 1)).absolute.weight)


EIGHT = Linear(as_fractions([[1, 2, 3, 4, 5, 6, 7, 8]]))


def test_a_path_and_a_receptive_field_of_a_layer_that_says_what_it_is():
    plain, own = (
        Network(
            [
                ("conv", conv),
                ("relu", ReLU()),
                ("flatten", Flatten()),
                ("linear", EIGHT),
            ]
        )
        for conv in (doubled(WIDE), DoubleThatSaysSo(WIDE.weight, WIDE.bias))
    )
    lines = [interventions.path(network, 0 * PICTURE, PICTURE) for network in (plain, own)]
    assert same(lines[0].points, lines[1].points)
    assert same(lines[0].slopes, lines[1].slopes)
    assert len(lines[0].kinks)
    fields = [interventions.receptive_field(network, (0, 1), (2, 3), "conv") for network in (plain, own)]
    assert same(*fields)
    assert same(*(midpoint_error(network, PICTURE, steps=3) for network in (plain, own)))


# --- CAM --------------------------------------------------------------------------------------------------------------


def headed(*layers):
    return Network([("maps", WIDE), *((f"layer{n}", layer) for n, layer in enumerate(layers))])


LINEAR = Linear(as_fractions([[1, 2], [3, 5]]))


@pytest.mark.parametrize(
    "layers",
    [
        (Maximum(), LINEAR),
        (Backwards(), EIGHT),
        (AvgPool2d((2, 2)), Backwards(), LINEAR),
        (MaxPool2d((2, 2)), Flatten(), LINEAR),
        (AvgPool2d((2, 1)), Flatten(), Linear(as_fractions([[1, 2, 3, 4]]))),
        (GlobalAvgPool2d(), LINEAR, LINEAR),
        (GlobalAvgPool2d(),),
        (Network([("mean", GlobalAvgPool2d()), ("linear", LINEAR), ("more", LINEAR)]),),
        (Network([("mean", GlobalAvgPool2d())]), Network([("linear", LINEAR), ("relu", ReLU())])),
        (Network([("own", Maximum())]), Network([("linear", LINEAR)])),
    ],
)
def test_cam_takes_no_head_for_what_it_is_not(layers):
    network = headed(*layers)
    assert refusal(ValueError, lambda: cam(network, PICTURE, 0, "maps")).startswith("CAM needs a head")


def test_cam_names_the_layers_inside_of_a_nested_head():
    network = headed(Network([("mean", Network([("own", Maximum())])), ("linear", LINEAR)]))
    assert refusal(ValueError, lambda: cam(network, PICTURE, 0, "maps")) == (
        "CAM needs a head that averages each map of 'maps' and a Linear, got ['Maximum', 'Linear']."
    )


@dataclass(frozen=True, eq=False, repr=False)
class Picking(Flatten):
    """Two sums of the numbers of each image, by weights that no parameter shows."""

    rows: tuple

    is_rectifier = False

    def output_shape(self, input_shape):
        return input_shape[0], 2

    def forward(self, x):
        return x.reshape(len(x), 8) @ np.array(self.rows).T

    def backward(self, grad_output, x):
        return (grad_output @ np.array(self.rows)).reshape(x.shape)

    def affine(self, input_shape):
        return Affine(self, None, summands=8)


QUARTERS, NOTHING = as_fractions(["1/4"] * 4), as_fractions([0] * 4)
MEANS = np.concatenate([QUARTERS, NOTHING]), np.concatenate([NOTHING, QUARTERS])
MIXED = np.concatenate([QUARTERS[:1], NOTHING, QUARTERS[1:]])  # a cell of the first map, and three of the second


def picking(*rows):
    return headed(Picking(tuple(map(tuple, rows))), LINEAR)


def test_cam_knows_means_of_ones_own_by_what_they_do():
    assert cam(picking(*MEANS), PICTURE, 0, "maps").alphas.tolist() == [1, 2]


@pytest.mark.parametrize(
    "rows",
    [MEANS[::-1], (MEANS[0], MEANS[0]), (MEANS[0], MIXED), (MIXED, MEANS[1]), (MEANS[0], MEANS[1] / 2)],
    ids=["exchanged", "the first twice", "one right", "the other right", "half as large"],
)
def test_cam_looks_at_every_mean(rows):
    assert refusal(ValueError, lambda: cam(picking(*rows), PICTURE, 0, "maps")).startswith("CAM needs a head")


def test_cam_takes_no_linear_layer_with_a_curve_for_a_linear_one():
    head = [("mean", GlobalAvgPool2d()), ("own", Squashed(np.eye(2)))]
    network = Network([("maps", Conv2d(np.ones((2, 1, 1, 1)))), *head])
    assert refusal(ValueError, lambda: cam(network, np.ones((1, 2, 3)), 0, "maps")).startswith("CAM needs a head")


@pytest.mark.parametrize(
    "layers",
    [
        (GlobalAvgPool2d(), LINEAR),
        (GlobalAvgPool2d(), Flatten(), LINEAR),
        (AvgPool2d((2, 2)), Flatten(), LINEAR),
        (AvgPool2d((2, 2), stride=1), Flatten(), LINEAR),
        (Network([("mean", GlobalAvgPool2d()), ("linear", LINEAR)]),),
    ],
)
def test_cam_knows_global_averages_by_what_they_do(layers):
    network = headed(*layers)
    for c in (0, 1):
        assert cam(network, PICTURE, c, "maps").alphas.tolist() == LINEAR.weight[c].tolist()
        assert same(
            cam(network, PICTURE, c, "maps").weighted_sum, 4 * grad_cam(network, PICTURE, c, "maps").weighted_sum
        )


# --- The layer that Grad-CAM looks at ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layer",
    [
        Wrapping(CONV),
        Hiding((CONV,)),
        Wrapping(Hiding((CONV,))),
        Skip([("conv", CONV)]),
        Wrapping(Network([("conv", CONV)])),
    ],
)
def test_no_earlier_convolution_is_taken_for_the_last(layer):
    message = refusal(ValueError, lambda: grad_cam(between(layer), IMAGE))
    assert message == (
        f"the network has layer 'own', {type(layer).__name__}, in which its last convolution may be hidden: pass "
        "layer, one of ['conv', 'own']."
    )
    assert grad_cam(between(layer), IMAGE, layer="own").layer == "own"


HIDING_NOTHING = [Clip(), Scale(as_fractions([2])), Wrapping(ReLU()), Skip([("relu", ReLU())])]


@pytest.mark.parametrize("layer", HIDING_NOTHING)
def test_a_layer_that_can_hide_no_convolution_is_passed_over(layer):
    assert grad_cam(between(layer), IMAGE).layer == "conv"


@pytest.mark.parametrize(("axes", "answer"), [(3, False), (4, None), (5, False)])
def test_only_an_array_of_four_axes_can_be_the_weight_of_a_convolution(axes, answer):
    assert Scale(np.ones((2, 1, 3, 1, 4)[:axes])).is_convolution is answer


def test_what_derives_from_a_convolution_is_one():
    assert grad_cam(between(Double(CONV.weight)), IMAGE).layer == "own"
    assert grad_cam(between(Double(CONV.weight)), IMAGE).score == 2 * grad_cam(between(CONV), IMAGE).score


def test_a_network_with_methods_of_its_own_is_no_row_of_layers():
    skip = Skip([("conv", CONV), *HEAD])
    for explain in (grad_cam, full_grad, guided_backprop):
        message = refusal(TypeError, lambda explain=explain: explain(skip, IMAGE))
        assert message == (
            "network must run its layers and nothing else, but Skip has methods of its own for that: make it a layer "
            "of a Network, Network([('own', network)])."
        )


@pytest.mark.parametrize(
    "ask",
    [
        lambda network: network.activations(IMAGE[None]),
        lambda network: network.split("conv"),
        lambda network: network.summary(IMAGE.shape),
    ],
)
def test_a_network_with_methods_of_its_own_does_not_show_its_layers_as_a_row(ask):
    message = refusal(TypeError, lambda: ask(Skip([("conv", CONV), *HEAD])))
    assert message.startswith("network must run its layers and nothing else, but Skip has")


def test_a_network_with_methods_of_its_own_runs_in_a_network():
    network = Network([("skip", Skip([("conv", CONV)])), *HEAD])
    explanation = grad_cam(network, IMAGE, layer="skip")
    assert explanation.score == 4 * (3 + 1) * as_fractions("5/2")
    assert same(explanation.feature_maps, 4 * IMAGE)
    assert same(network.backward(as_fractions([[1]]), IMAGE[None]), 0 * IMAGE[None] + 4)


# --- Answers are not inherited where something else is computed -------------------------------------------------------


@pytest.mark.parametrize("kind", [Clip, Double, MixedConv, Skip, Maximum, Backwards, Squashed])
def test_a_class_that_computes_something_else_is_asked_anew(kind):
    for question in ("affine", "rivals", "sees", "runs"):
        assert getattr(kind, question) is getattr(Layer, question)


class Named(Conv2d):
    """A convolution with a method more and another name in print, which change nothing of what it computes."""

    def count(self):
        return len(self.weight)

    def __repr__(self):
        return "named"


class ByAnotherName(Named):
    pass


def test_a_class_that_only_adds_to_its_base_keeps_its_answers():
    for kind in (Named, ByAnotherName):
        assert (kind.affine, kind.sees, kind.is_rectifier) == (Conv2d.affine, Conv2d.sees, False)


class Pointwise(Layer):
    """A base without passes, which answers for every layer that derives from it."""

    is_rectifier = False

    def output_shape(self, input_shape):
        return input_shape


class Negated(Pointwise):
    def forward(self, x):
        return -x

    def backward(self, grad_output, x):
        return -grad_output


class NegatedTwice(Negated):
    def forward(self, x):
        return 2 * super().forward(x)


class Passes:
    """The passes of a layer, without deriving from one."""

    forward, backward = Negated.forward, Negated.backward


class NegatedByAMixin(Passes, Pointwise):
    pass


def test_what_a_base_leaves_open_can_be_filled_in_but_not_changed():
    assert Negated().is_rectifier is False
    assert Negated().forward(3) == -3
    assert guided_backprop(between(Negated()), IMAGE).weighted_sum.tolist() == [[-3] * 2] * 2
    assert NegatedTwice().is_rectifier is None
    assert NegatedByAMixin().is_rectifier is False
    passes = {"forward": Negated.forward, "backward": Negated.backward}
    assert type("NegatedToo", (Pointwise,), passes).is_rectifier is False


class ByProperty(Conv2d):
    """A convolution with parameters that it computes."""

    @property
    def parameters(self):
        return {"weight": 2 * self.weight}


class ByDescriptor(Linear):
    """A linear layer whose passes come from an object that is no function."""

    forward = functools.partialmethod(Linear.forward)
    backward = functools.partialmethod(Linear.backward)


def test_whatever_takes_the_place_of_a_bases_method_counts_as_a_change():
    assert ByProperty.affine is Layer.affine
    assert ByDescriptor.affine is Layer.affine


class Centred(Linear):
    """A linear layer that changes its weights whenever it is made."""

    def __post_init__(self, check_finite):
        super().__post_init__(check_finite)
        self._set(weight=self.weight - self.weight.mean(axis=1, keepdims=True))


def test_the_sizes_of_weights_are_those_of_the_layer_as_it_is():
    parts = Centred([[1.0, 3.0]]).affine((1, 2))
    assert parts.absolute.weight.tolist() == [[1.0, 1.0]]


class Holder:
    """An object that is no layer and keeps one."""

    def __init__(self):
        self.layer = CONV

    def run(self, x):
        return self.layer.forward(x)


class Slotted:
    """The same with slots, of which one is empty."""

    __slots__ = ("__layer", "other")

    def __init__(self):
        self.__layer = CONV


class Heir(Slotted):
    """The same with the slots of its base."""


class Nothing:
    """An object that keeps nothing, of the size of a layer in memory."""


class MadeOnDemand(list):
    """A list whose last item is a layer. Each item is made when it is asked for, in the place of the one before it."""

    def __iter__(self):
        for _ in self[:]:
            yield Nothing()
        yield Wrapping(CONV)


def of_a_loop():
    """A function as a loop makes it: what it runs is in a default."""
    return lambda x, conv=CONV: conv.forward(x)


def by_keyword_only():
    return lambda x, *, conv=CONV: conv.forward(x)


HIDING = [
    (CONV,),
    [CONV],
    {"first": CONV},
    [[CONV]],
    {"first": [CONV]},
    (CONV.weight,),
    {"weight": CONV.weight},
    {CONV: "first"},
    {CONV},
    deque([CONV]),
    Holder(),
    [Holder()],
    Holder().run,
    CONV.forward,
    functools.partial(Holder.run, Holder()),
    functools.partial(np.multiply, CONV.weight),
    functools.partial(np.multiply, x2=CONV.weight),
    functools.partial(CONV.forward),
    (lambda conv: lambda x: conv.forward(x))(CONV),
    of_a_loop(),
    by_keyword_only(),
    Slotted(),
    Heir(),
    MadeOnDemand(range(5)),
]


@pytest.mark.parametrize("layers", HIDING, ids=lambda value: type(value).__name__)
def test_what_is_kept_out_of_sight_is_noticed(layers):
    assert Hiding(layers).hides_parameters
    assert Hiding(layers).is_convolution is None
    assert Wrapping(Hiding(layers)).hides_parameters


class Unset:
    __slots__ = ("later",)


CIRCLE: list = []
CIRCLE.append(CIRCLE)


def of_a_name_without_a_value(is_given=False):
    if is_given:
        later = CONV.forward

    def call(x):
        return later(x)

    return call


@pytest.mark.parametrize(
    "layers",
    [
        (),
        ("conv",),
        [1],
        {"first": 2},
        None,
        np.tanh,
        len,
        np,
        Conv2d,
        np.float64(1),
        CIRCLE,
        Unset(),
        lambda x: 2 * x,
        lambda x, y=2, *, z=3: x * y * z,
        of_a_name_without_a_value(),
        CONV,
        b"",
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_keeps_nothing_out_of_sight_hides_nothing(layers):
    assert not Hiding(layers).hides_parameters
    assert Hiding(layers).is_convolution is (None if layers is CONV else False)


@dataclass(frozen=True, eq=False, repr=False)
class Chooses(Scale):
    """A layer that keeps one of its own methods, by which it runs forward."""

    def __post_init__(self):
        self._set(run=self.scaled)

    def scaled(self, x):
        return self.factor * x

    def forward(self, x):
        return self.run(x)


def test_a_layer_that_keeps_a_method_of_its_own_hides_nothing():
    assert not Chooses(as_fractions([2])).hides_parameters
    assert grad_cam(between(Chooses(as_fractions([2]))), IMAGE).layer == "conv"
    held = Hiding((Chooses(as_fractions([2])).run,))
    assert held.hides_parameters


def test_a_class_derived_from_one_that_computes_something_else_is_asked_anew_too():
    class Further(Double):
        pass

    assert Further.affine is Layer.affine
    assert Further.is_rectifier is None
    assert Further.is_convolution is True


# --- Training ---------------------------------------------------------------------------------------------------------


def trained(layer, **options):
    network = Network([("own", layer), ("linear", Linear([[1.0]]))])
    return fit(network, [[1.0], [2.0]], [[1], [0]], epochs=1, batch_size=1, **options)[0]


def test_arrays_without_parameter_gradients_are_named():
    message = refusal(TypeError, lambda: trained(Scale(np.array(2.0))))
    assert message == (
        "parameter_gradients of the network has nothing for 'own.factor': give the class of layer 'own' the method "
        "parameter_gradients, or pass fixed=['own']."
    )
    assert trained(Scale(np.array(2.0)), fixed=["own"])["own"].factor == 2


def test_a_layer_of_ones_own_learns():
    assert trained(ScaleThatLearns(np.array(2.0)))["own"].factor < 2


def test_a_network_in_a_field_is_not_left_untrained_without_a_word():
    inside = Network([("linear", Linear([[1.0]]))])
    message = refusal(TypeError, lambda: trained(Wrapping(inside)))
    assert message.startswith("parameter_gradients of the network has nothing for 'own.inside.linear.weight': give")
    assert trained(Wrapping(inside), fixed=["own"])["own"].inside["linear"].weight == 1


def test_layers_in_a_list_are_not_left_untrained_without_a_word():
    hiding = Hiding((Linear([[1.0]]),))
    message = refusal(TypeError, lambda: trained(hiding))
    assert message == (
        "layer 'own', Hiding, keeps arrays or layers in a list or the like, where fit does not see them: give each a "
        "field of its own, or pass fixed=['own']."
    )
    assert trained(hiding, fixed=["own"])["own"] is hiding
    for name in ("o", "own.layers"):
        assert "layer 'own', Hiding," in refusal(TypeError, lambda name=name: trained(hiding, fixed=[name]))


def test_gradients_of_a_base_are_not_taken_for_those_of_a_class_that_computes_something_else():
    class Tripled(Linear):
        def forward(self, x):
            return 3 * super().forward(x)

        def backward(self, grad_output, x):
            return 3 * super().backward(grad_output, x)

    message = refusal(TypeError, lambda: trained(Tripled([[1.0]])))
    assert message.startswith("parameter_gradients of the network has nothing for 'own.weight'")


def test_a_gradient_of_another_shape_is_named():
    class Averaging(Linear):
        def parameter_gradients(self, grad_output, x):
            return {"weight": np.asarray(1.0)}

    message = refusal(ValueError, lambda: trained(Averaging([[1.0]])))
    assert message == "the gradient by 'own.weight' must have shape (1, 1), got ()."


def test_a_fixed_layer_does_not_fix_one_whose_name_begins_with_its_own():
    network = Network([("a", Linear([[1.0]])), ("a.b", Linear([[1.0]])), ("ab", Linear([[1.0]]))])
    after = fit(network, [[1.0]], [[1]], epochs=1, fixed=["a"])[0]
    assert [after[name].weight == 1 for name in ("a", "a.b", "ab")] == [True, False, False]


def test_a_fixed_block_may_hide_parameters():
    network = Network([("block", Network([("hiding", Hiding((Linear([[2.0]]),)))])), ("linear", Linear([[1.0]]))])
    for fixed in (["block"], ["block.hiding"]):
        after = fit(network, [[1.0]], [[1]], epochs=1, fixed=fixed)[0]
        assert after["linear"].weight != 1
    message = refusal(TypeError, lambda: fit(network, [[1.0]], [[1]], epochs=1))
    assert message.startswith("layer 'block.hiding', Hiding, keeps arrays or layers in a list or the like")


# --- Parameters of layers inside --------------------------------------------------------------------------------------


def test_the_parameters_of_a_layer_in_a_field_are_those_of_the_layer():
    layer = Wrapping(Linear([[1.0, 2.0]]))
    network = Network([("own", layer)])
    assert [*network.parameters] == ["own.inside.weight"]
    assert same(network.with_parameters({"own.inside.weight": np.array([[3.0, 4.0]])})([[1, 1]]), np.array([[7.0]]))
    assert type(as_fractions(network)(as_fractions([[1, 1]]))[0, 0]).__name__ == "Fraction"


@dataclass(frozen=True, eq=False, repr=False)
class Scaled(Network):
    """y = scale · layers(x) + shift(x)."""

    scale: np.ndarray = field(default_factory=lambda: as_fractions([[2]]))
    shift: Layer = field(default_factory=lambda: Linear(as_fractions([[0]])))

    def forward(self, x):
        return self.scale * super().forward(x) + self.shift.forward(x)

    def backward(self, grad_output, x):
        return super().backward(self.scale * grad_output, x) + self.shift.backward(grad_output, x)


def test_a_network_with_fields_of_its_own_has_their_parameters_too():
    inside = Scaled([("linear", Linear(as_fractions([[3]])))])
    network = Network([("own", inside)])
    assert {name: array.item() for name, array in network.parameters.items()} == {
        "own.scale": 2,
        "own.shift.weight": 0,
        "own.linear.weight": 3,
    }
    changed = network.with_parameters({f"own.{name}": as_fractions([[5]]) for name in inside.parameters})
    assert (network(as_fractions([[7]])).item(), changed(as_fractions([[7]])).item()) == (2 * 3 * 7, 5 * 5 * 7 + 5 * 7)
    assert as_floats(network)(np.array([[7.0]])).dtype == float
    assert not network.hides_parameters
    assert Network([("own", Scaled([("hiding", Hiding((CONV,)))]))]).hides_parameters


def test_no_layer_takes_the_place_of_a_field():
    for taken in ("scale", "shift"):
        layers = [("linear", Linear(as_fractions([[3]]))), (taken, Linear(as_fractions([[3]])))]
        message = refusal(ValueError, lambda layers=layers: Scaled(layers))
        assert message == f"Scaled has a field and a layer named {taken!r}: rename the layer."
    assert [*Scaled([("layers", Linear(as_fractions([[3]])))]).parameters] == ["scale", "shift.weight", "layers.weight"]


class Row(Wrapping):
    """A layer that says that it runs the one inside of it."""

    @property
    def runs(self):
        return [("inside", self.inside)]


class Renamed(Wrapping):
    """The same under a name that is none of its fields."""

    @property
    def runs(self):
        return [("other", self.inside)]


def test_parameters_of_a_layer_that_runs_others_change_or_are_refused():
    network = Network([("own", Row(Linear([[1.0]])))])
    assert network.with_parameters({"own.inside.weight": np.array([[3.0]])})([[2]]) == 6
    network = Network([("own", Renamed(Linear([[1.0]])))])
    assert "other" in refusal(TypeError, lambda: network.with_parameters({"own.other.weight": np.array([[3.0]])}))


class Registered:
    """What a class is told in its class statement, it keeps."""

    def __init_subclass__(cls, label, **options):
        super().__init_subclass__(**options)
        cls.label = label


def test_a_class_statement_may_have_options():
    class Own(ReLU, Registered, label="own"):
        pass

    assert Own.label == "own"
    message = refusal(TypeError, lambda: type("Other", (ReLU,), {}, label="other"))
    assert "keyword arguments" in message


def test_a_layer_has_no_slots():
    message = refusal(TypeError, lambda: type("Slotted", (Layer,), {"__slots__": ("weight",)}))
    assert message == "Slotted must have no slots: a layer's parameters are looked up in its __dict__."
    assert type("Empty", (ReLU,), {"__slots__": ()})().forward(-IMAGE).tolist() == [[[0, 0], [0, 0]]]


# --- Names ---------------------------------------------------------------------------------------------------------


def test_a_subclass_is_told_by_its_own_name():
    assert repr(Skip([("relu", ReLU())])) == "Skip([\n    ('relu', ReLU()),\n])"
    assert repr(Clip()) == "Clip()"
    assert repr(Wrapping(CONV)) == "Wrapping(inside=Conv2d(weight=(1, 1, 1, 1)))"
    assert repr(Hiding((CONV,))) == "Hiding(layers=(Conv2d(weight=(1, 1, 1, 1)),))"


@dataclass(frozen=True, eq=False, repr=False)
class Shifted(Scale):
    """y = factor · x, with an offset of 0 in a shape of one's choice."""

    shape: tuple

    def affine(self, input_shape):
        return Affine(self, offset=as_fractions(np.zeros(self.shape)), summands=1)


@pytest.mark.parametrize("shape", [(5,), (3, 1), (2, 1, 1), (1, 1, 1, 1, 1)])
def test_an_offset_that_cannot_be_added_is_named(shape):
    network = between(Shifted(as_fractions([2]), shape))
    for ask in (lambda: full_grad(network, IMAGE), lambda: interventions.path(network, 0 * IMAGE, IMAGE)):
        assert refusal(ValueError, ask) == (
            f"layer 'own': affine's offset must be added to outputs (1, 1, 2, 2), got {shape}."
        )


@pytest.mark.parametrize("shape", [(1,), (2,), (2, 1), (1, 1, 1), (1, 1, 2, 2)])
def test_an_offset_that_can_be_added_is_taken(shape):
    line = interventions.path(between(Shifted(as_fractions([2]), shape)), 0 * IMAGE, IMAGE)
    assert line.slopes.tolist() == [4 * 2 * 3 * Fraction(5, 2)]


class Learning(ScaleThatLearns):
    """A layer with a gradient for what is no array."""

    def parameter_gradients(self, grad_output, x):
        return {"factor": np.asarray(0.0), "name": np.asarray(1.0)}


def test_a_gradient_for_what_is_no_parameter_is_named():
    message = refusal(TypeError, lambda: trained(Learning(np.array(2.0))))
    assert message == (
        "parameter_gradients of the network has 'own.name', which is no parameter: only a field of a layer that is an "
        "array is one."
    )


@pytest.mark.parametrize(("layer", "known"), [(Square(), None), (Clip(), 0), (ReLU(), 0), (MaxPool2d(1), 0)], ids=repr)
def test_a_layer_without_parameters_has_no_multiply_adds_if_it_says_what_it_is(layer, known):
    assert between(layer).summary((1, 2, 2)).rows[1].multiply_adds == known


class Turned(AvgPool2d):
    """An average pool of the mirrored maps."""

    def forward(self, x):
        return super().forward(x[..., ::-1])

    def backward(self, grad_output, x):
        return super().backward(grad_output, x[..., ::-1])[..., ::-1]


class Rolled(MaxPool2d):
    """A max pool whose windows begin elsewhere."""

    def taps(self, x):
        return super().taps(np.roll(x, 2, -1))


class Says(Conv2d):
    """A convolution that answers again what its base answers."""

    def affine(self, input_shape):
        return Conv2d.affine(self, input_shape)


class Both(Says, Double):
    """Twice the convolution, by a class that comes after the one that answers."""


@pytest.mark.parametrize(
    ("kind", "question"),
    [(Turned, "sees"), (Rolled, "sees"), (Rolled, "rivals"), (Both, "affine")],
)
def test_a_pool_or_a_second_base_that_computes_something_else_is_asked_anew(kind, question):
    assert getattr(kind, question) is getattr(Layer, question)
    assert kind.is_rectifier is None


@pytest.mark.parametrize("second", ["2/4", 0])
def test_cam_takes_no_scores_for_the_means_of_maps(second):
    """Two scores of two maps are as many numbers as there are means, and weights can make them means."""
    maps = Conv2d(as_fractions([[[[1]]], [[[-1]]]]))
    other = [0] * 8 if second else [0] * 4 + ["1/4"] * 4
    head = Linear(as_fractions([["1/4"] * 4 + [second] * 4, other]))
    network = Network([("maps", maps), ("flatten", Flatten()), ("linear", head)])
    assert refusal(ValueError, lambda: cam(network, IMAGE, 0, "maps")).startswith("CAM needs a head")


@pytest.mark.parametrize("layer", [ReLU(), Flatten(), Conv2d(np.ones((1, 1, 1, 1)))], ids=repr)
def test_a_gradient_that_is_none_is_refused_not_taken_for_absent(layer):
    message = refusal(TypeError, lambda: layer.backward(None, np.ones((1, 1, 2, 3))))
    assert message.startswith("grad_output must be an array of float32, float64 or Fractions, got NoneType; ")
    assert refusal(TypeError, lambda: layer.forward("x")).startswith(
        "x must be an array of float32, float64 or Fractions, got str; "
    )
