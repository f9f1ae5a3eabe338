"""Training: the losses against their definitions, the loop against its formula, step by step."""

from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
from helpers import refusal, rounding, same
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from numpycam import Conv2d, Flatten, Layer, Linear, MaxPool2d, Network, ReLU
from numpycam.exact import as_fractions
from numpycam.experiments.training import DivergedError, fit, sigmoid_cross_entropy, softmax_cross_entropy
from numpycam.laws.strategies import tensors

FLOATS = np.float32, np.float64

# --- The losses -------------------------------------------------------------------------------------
#
# The definitions are computed in decimals of 60 digits. NumPy's exp, log and log1p are off by 4 ulp at most, which
# counts as 8 operations; the bounds below add what a formula makes of them.

DIGITS = 60
MANY_DIGITS = 400  # for a small loss: 1 + e^-700 needs 305 of them to be more than 1


def decimals(array):
    return [[Decimal(float(number)) for number in row] for row in array]


def sigmoid_definition(y, t):
    """(1/NC) Σ t log(1 + e^-y) + (1 - t) log(1 + e^y)."""
    terms = [
        a * (1 + (-b).exp()).ln() + (1 - a) * (1 + b.exp()).ln()
        for a_row, b_row in zip(t, y, strict=True)
        for a, b in zip(a_row, b_row, strict=True)
    ]
    return sum(terms) / len(terms)


def softmax_definition(y, t):
    """-(1/N) Σ log(e^y_t / Σ e^y_c)."""
    terms = [sum(b.exp() for b in row).ln() - row[c] for row, c in zip(y, t, strict=True)]
    return sum(terms) / len(terms)


def slopes(definition, y, t):
    """The gradient of a definition by central differences, off by h² / 6 times a third derivative below 1: 1e-40."""
    h, slope = Decimal("1e-20"), np.empty((len(y), len(y[0])), object)
    for n, c in np.ndindex(slope.shape):
        up, down = ([[b + s * h * ((i, j) == (n, c)) for j, b in enumerate(row)] for i, row in enumerate(y)]
                    for s in (1, -1))  # fmt: skip
        slope[n, c] = (definition(up, t) - definition(down, t)) / (2 * h)
    return slope


def off_by(ours, exact):
    """The largest |ours - exact|."""
    pairs = zip(np.ravel(ours), np.ravel(np.array(exact, object)), strict=True)
    return max(abs(Decimal(float(a)) - b) for a, b in pairs)


@st.composite
def scores(draw, dtype, fewest=1, largest=10**4):
    shape = draw(st.tuples(st.integers(1, 3), st.integers(fewest, 3)))
    small, large = st.floats(-3, 3, width=32), st.floats(-largest, largest, width=32)
    return draw(hnp.arrays(dtype, shape, elements=small | large))


@given(st.sampled_from(FLOATS), st.data())
def test_sigmoid_cross_entropy_is_the_mean_over_images_and_classes_to_a_few_roundings(dtype, data):
    """A term needs exp, log1p and fewer than 8 operations, and all are positive: the error is relative.

    σ = e^-l, where l is off by 17 u l and l e^-l < 1/2: with exp itself and two operations less than 24 u.
    """
    y = data.draw(scores(dtype))
    t = data.draw(hnp.arrays(dtype, y.shape, elements=st.sampled_from([0, 0.25, 1])))
    loss, gradient = sigmoid_cross_entropy(y, t)
    tiny = Decimal(float(np.finfo(dtype).tiny))
    with localcontext(prec=MANY_DIGITS):
        expected = sigmoid_definition(decimals(y), decimals(t))
        assert off_by(loss, expected) <= Decimal(float(rounding(24 + y.size, dtype))) * expected + tiny
    with localcontext(prec=DIGITS):
        slope = slopes(sigmoid_definition, decimals(y), decimals(t))
        assert off_by(gradient, slope) <= Decimal(float(rounding(24, dtype))) / y.size + tiny
    assert (type(loss), gradient.dtype, gradient.shape) == (float, dtype, y.shape)


@given(st.sampled_from(FLOATS), st.data())
def test_softmax_cross_entropy_is_its_definition_to_a_few_roundings(dtype, data):
    """log p = s - log Σ e^s with s = y - max y <= 0 is off by (24 + C) u (|s| + log C + 1), and p |s| < 1/2."""
    y = data.draw(scores(dtype, fewest=2))
    count, classes = y.shape
    t = data.draw(hnp.arrays(np.int64, count, elements=st.integers(0, classes - 1)))
    loss, gradient = softmax_cross_entropy(y, t)
    with localcontext(prec=DIGITS):
        shifted = y.astype(float).max(axis=1) - y.astype(float)[np.arange(count), t]
        scale = Decimal(float((shifted + np.log(classes) + 1).mean()))
        bound = Decimal(float(rounding(24 + classes + count, dtype)))
        assert off_by(loss, softmax_definition(decimals(y), t)) <= bound * scale
        slope = slopes(softmax_definition, decimals(y), t)
        assert off_by(gradient, slope) <= bound * Decimal(2 + np.log(classes)) / count
        assert abs(sum(map(sum, decimals(gradient)))) <= bound * Decimal(2 + np.log(classes)) * classes
    assert (type(loss), gradient.dtype, gradient.shape) == (float, dtype, y.shape)


def test_a_small_loss_is_as_exact_as_a_large_one():
    """Found by Hypothesis, on which 60 digits were too few."""
    with localcontext(prec=MANY_DIGITS):
        expected = sigmoid_definition([[Decimal(-105)]], [[Decimal(0)]])
        loss, _ = sigmoid_cross_entropy(np.array([[-105.0]]), [[0]])
        assert off_by(loss, expected) <= Decimal(float(rounding(25))) * expected


@pytest.mark.parametrize("dtype", FLOATS)
def test_losses_of_large_scores(dtype):
    """No warning, no infinity: where the answer is wrong the loss is the distance, where it is right it is 0."""
    y = np.array([[1e4, -1e4], [-1e4, 1e4]], dtype)
    assert sigmoid_cross_entropy(y, [[1, 0], [0, 1]])[0] == softmax_cross_entropy(y, [0, 1])[0] == 0
    assert sigmoid_cross_entropy(y, [[0, 1], [1, 0]])[0] == 1e4
    assert softmax_cross_entropy(y, [1, 0])[0] == 2e4
    assert sigmoid_cross_entropy(y, [[0, 1], [1, 0]])[1].tolist() == [[0.25, -0.25], [-0.25, 0.25]]
    assert softmax_cross_entropy(y, [1, 0])[1].tolist() == [[0.5, -0.5], [-0.5, 0.5]]
    largest = np.finfo(dtype).max
    assert sigmoid_cross_entropy(np.full((1, 1), -largest, dtype), [[1]])[0] == largest


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("count", [1, 2, 3, 7, 49, 1000])
def test_a_mean_loss_does_not_overflow_where_its_sum_does(dtype, count):
    """Each image has the largest loss: the mean is as large, up to a rounding of each quotient and each sum."""
    largest, bound = np.finfo(dtype).max, float(rounding(count + 2, dtype))
    y = np.full((count, 2), [largest, -largest], dtype)
    loss, gradient = sigmoid_cross_entropy(y, np.full((count, 2), [0, 1]))
    assert largest * (1 - bound) <= loss <= largest
    assert gradient.tolist() == [[dtype(1) / dtype(2 * count), dtype(-1) / dtype(2 * count)]] * count
    loss, _ = softmax_cross_entropy(np.full((count, 2), [0, -largest], dtype), [1] * count)
    assert largest * (1 - bound) <= loss <= largest


def test_the_mean_of_two_losses_of_1e308_is_1e308():
    assert sigmoid_cross_entropy([[1e308, -1e308]], [[0, 1]])[0] == 1e308
    assert softmax_cross_entropy([[1e308, -1e308]], [1])[0] == np.inf  # 2e308 is no float


@pytest.mark.parametrize("dtype", FLOATS)
def test_losses_without_a_preference(dtype):
    loss, gradient = sigmoid_cross_entropy(np.zeros((1, 4), dtype), [[0, 0.25, 0.5, 1]])
    assert loss == pytest.approx(np.log(2), abs=2 * float(np.finfo(dtype).eps))
    assert np.abs(gradient - [[0.125, 0.0625, 0, -0.125]]).max() <= np.finfo(dtype).eps
    loss, gradient = softmax_cross_entropy(np.full((1, 4), 7, dtype), [2])
    assert loss == pytest.approx(np.log(4), abs=2 * float(np.finfo(dtype).eps))
    assert np.abs(gradient - [[0.25, 0.25, -0.75, 0.25]]).max() <= 2 * np.finfo(dtype).eps


def test_losses_take_lists_and_labels_of_bool_or_of_any_int():
    assert (
        sigmoid_cross_entropy([[0, 3]], [[True, False]])[0] == sigmoid_cross_entropy(np.array([[0.0, 3]]), [[1, 0]])[0]
    )
    one, other = (softmax_cross_entropy(np.eye(2), t)[1] for t in ([1, 0], np.array([1, 0], np.uint8)))
    assert same(one, other)
    assert sigmoid_cross_entropy(np.float32([[1]]), np.float64([[0.5]]))[1].dtype == np.float32
    y, t = np.eye(2), np.array([[0, 1], [1, 0.5]])
    sigmoid_cross_entropy(y, t)
    softmax_cross_entropy(y, np.array([0, 1]))
    assert same(y, np.eye(2))
    assert same(t, np.array([[0, 1], [1, 0.5]]))


def test_losses_hide_no_nan():
    y = np.array([[0, np.nan]])
    with np.errstate(invalid="ignore"):
        assert np.isnan(sigmoid_cross_entropy(y, [[0, 1]])[0])
        assert np.isnan(softmax_cross_entropy(y, [0])[0])


# --- The loop ---------------------------------------------------------------------------------------


def squares(scores, labels):
    """L = Σ (y - t)² / 2: exact in small integers."""
    error = scores - labels
    return float((error**2).sum() / 2), error


class Recording:
    """A loss of which each label carries the number of its image; it notes in which batches they came."""

    def __init__(self, loss=squares):
        self.loss, self.batches = loss, []

    def __call__(self, scores, labels):
        self.batches.append(labels[:, -1].astype(int).tolist())
        return self.loss(scores, labels[:, :-1])


def numbered(labels):
    return np.column_stack([labels, np.arange(len(labels))])


def steps(network, x, t, batches, rate, momentum, decay, fixed_row=None):
    """The losses and the parameters that the formulas give for a network of one Linear, in Fractions."""
    w, b = (as_fractions(network.parameters[f"linear.{name}"]) for name in ("weight", "bias"))
    v, u, losses = w * 0, b * 0, []
    x, t = as_fractions(x), as_fractions(t)
    for batch in batches:
        error = x[batch] @ w.T + b - t[batch]
        losses.append((error**2).sum() / 2)
        v = momentum * v + error.T @ x[batch] + decay * w
        u = momentum * u + error.sum(axis=0) + decay * b
        if fixed_row is not None:
            v[fixed_row] = u[fixed_row] = Fraction(0)
        w, b = w - rate * v, b - rate * u
    return losses, w, b


@given(
    st.sampled_from([Fraction(0), Fraction(1, 2), Fraction(1)]),
    st.sampled_from([Fraction(0), Fraction(1, 4)]),
    st.sampled_from([None, 0, 1]),
    st.data(),
)
def test_steps_are_those_of_the_formula(momentum, decay, fixed_row, data):
    """Small integers and powers of two: four steps are exact in float64, so they are those in Fractions."""
    x, t = data.draw(tensors((3, 2), "float64", 1)), data.draw(tensors((3, 2), "float64", 2))
    layer = Linear(data.draw(tensors((2, 2), "float64", 2)), data.draw(tensors((2,), "float64", 2)))
    network, loss, rate = Network([("linear", layer)]), Recording(), Fraction(1, 4)
    trained, losses = fit(
        network,
        x,
        numbered(t),
        loss=loss,
        epochs=2,
        batch_size=2,
        learning_rate=float(rate),
        momentum=float(momentum),
        weight_decay=float(decay),
        fixed=[] if fixed_row is None else [("linear", fixed_row)],
    )
    expected, weight, bias = steps(network, x, t, loss.batches, rate, momentum, decay, fixed_row)
    assert as_fractions(losses).tolist() == expected
    assert same(as_fractions(trained["linear"].weight), weight)
    assert same(as_fractions(trained["linear"].bias), bias)


def convolutional(dtype=np.float64, seed=0, nested=False):
    rng = np.random.default_rng(seed)

    def real(*shape):
        return (rng.standard_normal(shape) / 2).astype(dtype)

    body = [("conv", Conv2d(real(3, 1, 2, 3), real(3), padding=1)), ("relu", ReLU()), ("pool", MaxPool2d(2))]
    maps = Network(body).output_shape((1, 1, 5, 6))
    head = [("flatten", Flatten()), ("scores", Linear(real(2, np.prod(maps[1:])), real(2)))]
    return Network([("body", Network(body)), *head] if nested else [*body, *head], target_layer=None)


def examples(count=7, dtype=np.float64):
    rng = np.random.default_rng(5)
    return rng.random((count, 1, 5, 6)).astype(dtype), rng.random((count, 2)) < 0.5


def bits(network):
    return {name: value.tobytes() for name, value in network.parameters.items()}


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("dtype", FLOATS)
def test_nothing_that_is_given_changes_and_the_same_seed_gives_the_same_bits(dtype, nested):
    network, (x, t) = convolutional(dtype, nested=nested), examples(dtype=dtype)
    before = bits(network), x.tobytes(), t.tobytes()
    options = {"epochs": 3, "batch_size": 3, "weight_decay": 0.01}
    (one, losses), (two, again), (other, others) = (fit(network, x, t, seed=seed, **options) for seed in (1, 1, 2))
    assert (bits(network), x.tobytes(), t.tobytes()) == before
    assert bits(one) == bits(two) != bits(other)
    assert losses.tobytes() == again.tobytes() != others.tobytes()
    assert losses.shape == (9,)
    assert losses.dtype == np.float64
    assert all(before[0][name] != value for name, value in bits(one).items())
    x.flags.writeable = t.flags.writeable = False
    assert bits(fit(network, x, t, seed=1, **options)[0]) == bits(one)


def test_the_default_seed_is_zero_and_layers_keep_what_is_no_parameter():
    network, (x, t) = convolutional(), examples()
    network = Network(network.layers, target_layer="relu")
    trained, _ = fit(network, x, t, epochs=1)
    assert trained.target_layer == "relu"
    assert trained["conv"].padding == (1, 1)
    assert bits(trained) == bits(fit(network, x, t, epochs=1, seed=0)[0])


def test_fit_without_options_is_fit_with_its_defaults_spelled_out():
    network, (x, t) = convolutional(), examples(40)
    spelled = {"loss": sigmoid_cross_entropy, "epochs": 10, "batch_size": 32, "learning_rate": 0.1, "momentum": 0.9}
    trained, losses = fit(network, x, t)
    again, _ = fit(network, x, t, weight_decay=0, fixed=[], callback=None, **spelled)
    assert bits(trained) == bits(again)
    assert losses.shape == (20,)


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("dtype", FLOATS)
def test_the_loss_falls(dtype, nested):
    x, t = examples(20, dtype)
    _, losses = fit(convolutional(dtype, nested=nested), x, t, epochs=60)
    assert losses[-1] < losses[0] / 2


@given(st.integers(1, 9), st.integers(1, 10), st.integers(0, 3), st.integers(0, 99))
def test_an_epoch_sees_every_image_once(count, batch_size, epochs, seed):
    """In batches of that size, the last may be smaller; in another order each time."""
    loss = Recording()
    x, t = np.ones((count, 1)), numbered(np.zeros((count, 1)))
    network = Network([("linear", Linear([[0.0]]))])
    _, losses = fit(network, x, t, loss=loss, epochs=epochs, batch_size=batch_size, seed=seed)
    sizes = [*[batch_size] * (count // batch_size), *[count % batch_size] * (count % batch_size > 0)]
    assert [len(batch) for batch in loss.batches] == sizes * epochs
    assert losses.shape == (len(sizes) * epochs,)
    orders = np.array([number for batch in loss.batches for number in batch], int).reshape(epochs, count)
    assert (np.sort(orders) == np.arange(count)).all()


def test_the_order_is_another_in_each_epoch():
    def orders(seed):
        loss, network = Recording(), Network([("linear", Linear([[0.0]]))])
        fit(network, np.ones((9, 1)), numbered(np.zeros((9, 1))), loss=loss, epochs=3, batch_size=9, seed=seed)
        return [tuple(batch) for batch in loss.batches]

    assert len({*orders(0), *orders(1), tuple(range(9))}) == 7


def test_images_and_labels_stay_together():
    """The network that knows the label of each image has no loss, whatever the order."""
    x = np.arange(1.0, 8).reshape(7, 1)
    _, losses = fit(Network([("linear", Linear([[3.0]]))]), x, 3 * x, loss=squares, batch_size=2, epochs=3)
    assert losses.tolist() == [0] * 12


def test_no_epoch_and_nothing_to_train():
    network, (x, t) = convolutional(), examples()
    trained, losses = fit(network, x, t, epochs=0)
    assert bits(trained) == bits(network)
    assert losses.shape == (0,)
    _, losses = fit(Network([("flatten", Flatten())]), np.ones((1, 1, 1, 2)), [[0, 1]], epochs=2)
    assert losses.tolist() == [sigmoid_cross_entropy([[1, 1]], [[0, 1]])[0]] * 2
    trained, losses = fit(network, x, t, epochs=2, fixed=["conv", "scores"])
    assert bits(trained) == bits(network)


# --- What is fixed ---------------------------------------------------------------------------------

FIXED = [
    (["conv"], {"conv.weight": [0, 1, 2], "conv.bias": [0, 1, 2]}),
    (["scores"], {"scores.weight": [0, 1], "scores.bias": [0, 1]}),
    (["conv.bias"], {"conv.bias": [0, 1, 2]}),
    ([("conv", 2)], {"conv.weight": [2], "conv.bias": [2]}),
    ([("conv", np.int64(0)), ("conv", 2)], {"conv.weight": [0, 2], "conv.bias": [0, 2]}),
    ([("scores.weight", 1), "conv.bias"], {"scores.weight": [1], "conv.bias": [0, 1, 2]}),
    ([], {}),
]


@pytest.mark.parametrize("momentum", [0, 0.9])
@pytest.mark.parametrize("prefix", ["", "body."])
@pytest.mark.parametrize(("fixed", "rows"), FIXED)
def test_what_is_fixed_stays_to_the_bit_and_the_rest_moves(fixed, rows, prefix, momentum):
    """Weight decay would move it, too. In a nested network a name is that of its parameters, "body.conv"."""

    def there(name):
        return prefix + name if name.startswith("conv") else name

    fixed = [there(item) if isinstance(item, str) else (there(item[0]), item[1]) for item in fixed]
    rows = {there(name): kernels for name, kernels in rows.items()}
    network, (x, t) = convolutional(nested=bool(prefix)), examples()
    trained, _ = fit(network, x, t, epochs=3, batch_size=4, momentum=momentum, weight_decay=0.1, fixed=fixed)
    for name, before in network.parameters.items():
        for row, (old, new) in enumerate(zip(before, trained.parameters[name], strict=True)):
            assert (old.tobytes() == new.tobytes()) == (row in rows.get(name, []))


def test_a_nested_network_can_be_fixed_whole_and_trains_as_a_flat_one():
    x, t = examples()
    nested, _ = fit(convolutional(nested=True), x, t, epochs=3, fixed=["body"])
    flat, _ = fit(convolutional(), x, t, epochs=3, fixed=["conv"])
    assert [*bits(nested).values()] == [*bits(flat).values()]
    nested, _ = fit(convolutional(nested=True), x, t, epochs=3)
    flat, _ = fit(convolutional(), x, t, epochs=3)
    assert [*bits(nested).values()] == [*bits(flat).values()]


def test_a_name_is_no_prefix():
    layers = [("a", Linear([[1.0]])), ("ab", Linear([[1.0]]))]
    trained, _ = fit(Network(layers), [[1.0]], [[0.0]], loss=squares, epochs=1, fixed=["a"])
    assert trained["a"].weight == 1
    assert trained["ab"].weight != 1


def test_an_infinite_gradient_of_what_is_fixed_does_no_harm():
    """It is 1e200 · 1e200, for the first row of the weight."""

    def loss(scores, labels):
        return 1.0, np.array([[1e200, 1.0]])

    network = Network([("linear", Linear(np.ones((2, 1))))])
    trained, _ = fit(network, [[1e200]], [[0.0]], loss=loss, epochs=1, learning_rate=1e-200, fixed=[("linear", 0)])
    assert trained["linear"].weight.tolist() == [[1], [0]]


# --- Callback and progress --------------------------------------------------------------------------


def test_the_callback_gets_epoch_network_and_losses():
    network, (x, t), calls = convolutional(), examples(), []
    trained, losses = fit(network, x, t, epochs=3, batch_size=3, callback=lambda *arguments: calls.append(arguments))
    epochs, networks, parts = zip(*calls, strict=True)
    assert epochs == (0, 1, 2)
    assert [part.shape for part in parts] == [(3,)] * 3
    assert same(np.concatenate(parts), losses)
    assert networks[-1] is trained
    for n in range(3):
        assert bits(networks[n]) == bits(fit(network, x, t, epochs=n + 1, batch_size=3)[0])


@pytest.mark.parametrize("true", [True, np.True_])
def test_a_callback_that_returns_true_ends_the_training(true):
    network, (x, t) = convolutional(), examples()
    trained, losses = fit(
        network, x, t, epochs=9, batch_size=4, callback=lambda epoch, *_: true if epoch == 1 else None
    )
    expected, expected_losses = fit(network, x, t, epochs=2, batch_size=4)
    assert bits(trained) == bits(expected)
    assert same(losses, expected_losses)


@pytest.mark.parametrize("answer", [False, np.False_, None, 1, "yes", np.ones(2)])
def test_what_else_a_callback_returns_does_not(answer):
    network, (x, t) = convolutional(), examples()
    assert fit(network, x, t, epochs=3, callback=lambda *_: answer)[1].shape == (3,)


class Bar:
    """Like tqdm: an iterable around another one, which it asks for its length."""

    def __init__(self, iterable):
        self.iterable, self.total, self.seen = iterable, len(iterable), []
        Bar.last = self

    def __iter__(self):
        for item in self.iterable:
            yield item
            self.seen.append(item)


def test_progress_wraps_the_steps():
    network, (x, t) = convolutional(), examples()

    def generator(iterable):
        yield from iterable

    plain, with_bar, with_generator = (
        fit(network, x, t, epochs=2, batch_size=3, **options)
        for options in ({}, {"progress": Bar}, {"progress": generator})
    )
    assert (Bar.last.total, Bar.last.seen) == (6, [*range(6)])
    assert bits(plain[0]) == bits(with_bar[0]) == bits(with_generator[0])
    assert same(plain[1], with_bar[1])


@pytest.mark.parametrize(
    ("progress", "told"),
    [
        (lambda steps: list(steps)[:1], "got 1."),
        (lambda steps: [], "got 0."),
        (lambda steps: [*steps][::-1], "got 5 after 0 of them."),
        (lambda steps: [0, 1, 1, 2, 3, 4, 5], "got 1 after 2 of them."),
        (lambda steps: [*steps, 6], "got 6 after 6 of them."),
        (lambda steps: ["a", "b"], "got 'a' after 0 of them."),
    ],
)
def test_steps_that_progress_leaves_out_doubles_or_moves_are_told(progress, told):
    network, (x, t) = convolutional(), examples()
    message = refusal(ValueError, lambda: fit(network, x, t, epochs=2, batch_size=3, progress=progress))
    assert message == f"progress must yield each of the 6 steps once, in order, {told}"


def test_progress_must_return_what_can_be_followed():
    network, (x, t) = convolutional(), examples()
    message = refusal(TypeError, lambda: fit(network, x, t, progress=lambda steps: None))
    assert message == "progress must return an iterable of the steps, as tqdm does, got NoneType."


def test_training_may_end_early_under_a_bar():
    network, (x, t) = convolutional(), examples()
    options = {"epochs": 9, "batch_size": 3, "callback": lambda epoch, *_: epoch == 1}
    assert fit(network, x, t, progress=Bar, **options)[1].shape == (6,)


def test_a_callback_is_asked_whether_it_can_be_called_and_not_whether_it_is_true():
    class Silent:
        def __init__(self):
            self.epochs = []

        def __len__(self):
            return 0

        def __call__(self, epoch, network, losses):
            self.epochs.append(epoch)

    network, (x, t), silent = convolutional(), examples(), Silent()
    fit(network, x, t, epochs=2, callback=silent)
    assert silent.epochs == [0, 1]


# --- The kind of numbers ----------------------------------------------------------------------------


def float64_gradient(scores, labels):
    loss, gradient = sigmoid_cross_entropy(scores, labels)
    return np.float64(loss), gradient.astype(np.float64)


@pytest.mark.parametrize(
    "options",
    [
        {},
        dict.fromkeys(["learning_rate", "momentum", "weight_decay"], np.float64(0.5)),
        dict.fromkeys(["learning_rate", "momentum", "weight_decay"], 1),
        {"loss": float64_gradient},
    ],
)
@pytest.mark.parametrize("images", [np.float64, np.float32, np.uint8])
def test_float32_stays_float32(options, images):
    (x, t), seen = examples(dtype=images), []

    class Looking(Layer):
        def output_shape(self, input_shape):
            return input_shape

        def forward(self, x):
            seen.append(x.dtype)
            return x

        def backward(self, grad_output, x):
            return grad_output

    network = Network([*convolutional(np.float32).layers, ("looking", Looking())])
    trained, losses = fit(network, x, t, epochs=2, **options)
    assert {value.dtype for value in trained.parameters.values()} == {*seen} == {np.dtype(np.float32)}
    assert losses.dtype == np.float64


def test_each_layer_keeps_its_dtype():
    first, (second, third) = convolutional(np.float32).layers[:3], convolutional().layers[3:]
    x, t = examples(dtype=np.float32)
    trained, _ = fit(Network([*first, second, third]), x, t, epochs=2)
    assert (trained["conv"].weight.dtype, trained["scores"].weight.dtype) == (np.float32, np.float64)


# --- Divergence -------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("step", [0, 1, 5])
def test_a_loss_that_is_no_number_is_an_error(step, value):
    """In batches of 4 there are two steps in an epoch."""
    network, (x, t), calls = convolutional(), examples(), []

    def loss(scores, labels):
        calls.append(None)
        true, gradient = sigmoid_cross_entropy(scores, labels)
        return (value if len(calls) == step + 1 else true), gradient

    options = {"batch_size": 4, "learning_rate": 0.5}
    with pytest.raises(DivergedError) as caught:
        fit(network, x, t, loss=loss, epochs=4, **options)
    error = caught.value
    assert error.step == step
    assert error.losses.tolist() == fit(network, x, t, epochs=4, **options)[1][:step].tolist()
    assert str(error) == (
        f"training diverged in step {step} (epoch {step // 2}): the loss or a parameter is not finite any more. "
        "Try a learning_rate below 0.5, or images in 0..1; the last good network is this error's .network."
    )
    assert isinstance(error, ArithmeticError)


@pytest.mark.parametrize("step", [0, 1, 2, 5])
def test_the_last_good_network_is_the_last_whose_loss_was_a_number(step):
    """Not the one that the loss of this step is of, but the one before. The first is the one that was given."""
    network, (x, t), losses = convolutional(), examples(), []
    networks = [network]

    def loss(scores, labels):
        losses.append(np.nan if len(losses) == step else 1.0)
        return losses[-1], sigmoid_cross_entropy(scores, labels)[1]

    with pytest.raises(DivergedError) as caught:
        fit(network, x, t, loss=loss, epochs=9, callback=lambda epoch, network, _: networks.append(network))
    assert len(networks) == step + 1
    assert caught.value.network is networks[max(0, step - 1)]


@pytest.mark.parametrize("dtype", FLOATS)
def test_too_large_a_learning_rate_diverges(dtype):
    """Without a warning, whether it is a parameter that overflows or a score; what is left is finite."""
    x, t = examples(dtype=dtype)
    rates = float(np.finfo(dtype).max), float(np.finfo(dtype).max) ** 0.5
    for rate in rates:
        with pytest.raises(DivergedError) as caught:
            fit(convolutional(dtype), 100 * x, t, epochs=100, learning_rate=rate, loss=squares_of_bool)
        error = caught.value
        assert np.isfinite(squares_of_bool(error.network(100 * x), t)[0])
        assert error.losses.shape == (error.step,)
        assert np.isfinite(error.losses).all()


def squares_of_bool(scores, labels):
    return squares(scores, labels.astype(scores.dtype))


def test_a_parameter_that_overflows_leaves_the_network_whose_loss_is_known():
    network, known = Network([("linear", Linear([[2.0]]))]), []

    def loss(scores, labels):
        known.append(scores.tolist())
        return 1.0, np.array([[1.0 if len(known) < 2 else 1e308]])

    with pytest.raises(DivergedError) as caught:
        fit(network, [[1.0]], [[0.0]], loss=loss, epochs=9, learning_rate=1, momentum=0.5, weight_decay=1e308)
    assert caught.value.step == len(known) - 1
    assert caught.value.network([[1.0]]).tolist() == known[-1]
    assert caught.value.losses.tolist() == [1.0] * (len(known) - 1)


# --- What is refused --------------------------------------------------------------------------------

X, T = np.zeros((3, 1, 5, 6)), np.zeros((3, 2))
A_LABEL_EACH = "there must be at least one image, and a label for each, got labels "
PARAMETERS = "the parameters are 'conv.weight', 'conv.bias', 'scores.weight', 'scores.bias'."
NAMES = "fixed must hold names of layers or parameters, or pairs such as ('conv', 2), got "
EXACT = "fit trains with floats, got Fractions; convert with numpycam.exact.as_floats."
NAN = np.full((3, 1, 5, 6), np.nan)

IN_FIT = [
    ({"network": ReLU()}, TypeError, "network must be a numpycam Network, got ReLU."),
    ({"network": as_fractions(convolutional())}, TypeError, EXACT),
    ({"images": as_fractions(X)}, TypeError, EXACT),
    ({"images": NAN}, ValueError, "images contains NaN at index (0, 0, 0, 0)."),
    ({"images": "pictures"}, TypeError, "images must hold floats, integers or Fractions, got dtype <U8."),
    ({"images": X[:0], "labels": T[:0]}, ValueError, A_LABEL_EACH + "(0, 2) for images (0, 1, 5, 6)."),
    ({"images": 3}, ValueError, A_LABEL_EACH + "(3, 2) for images ()."),
    ({"images": X[:, :, :4]}, ValueError, "layer 'scores': Linear expects x of shape (N, 27), got (3, 18)."),
    ({"labels": T[:2]}, ValueError, A_LABEL_EACH + "(2, 2) for images (3, 1, 5, 6)."),
    ({"labels": 1}, ValueError, A_LABEL_EACH + "() for images (3, 1, 5, 6)."),
    ({"labels": T + 2}, ValueError, "labels must be in 0..1, got 2 to 2."),
    ({"labels": T * np.nan}, ValueError, "labels contains NaN at index (0, 0)."),
    ({"labels": ["cat"] * 3}, TypeError, "labels must hold floats, integers or Fractions, "
        "got dtype <U3; numpycam.exact.as_fractions makes Fractions of text."),
    ({"labels": np.ma.masked_array(T)}, TypeError, "labels must be a plain array, got MaskedArray."),
    ({"loss": "softmax"}, TypeError, "loss must be callable, such as softmax_cross_entropy, got 'softmax'."),
    ({"progress": True}, TypeError, "progress must be callable, such as tqdm, got True."),
    ({"callback": 3}, TypeError, "callback must be callable, such as print, got 3."),
    ({"callback": ()}, TypeError, "callback must be callable, such as print, got ()."),
    ({"loss": softmax_cross_entropy, "labels": np.eye(2)[[0, 1, 1]]}, ValueError,
     "labels must have shape (3,), got (3, 2). They are one-hot: pass labels.argmax(axis=1)."),
    ({"loss": softmax_cross_entropy, "labels": [[0], [1], [1]]}, ValueError,
     "labels must have shape (3,), got (3, 1). Pass labels[:, 0]."),
    ({"loss": softmax_cross_entropy, "labels": [1, 1, 2], "batch_size": 1}, ValueError,
     "labels must be ints in 0..1, got 1 to 2. Are they counted from 1? Pass labels - 1."),
    ({"loss": softmax_cross_entropy, "labels": [0, 1, 1], "network": convolutional().split("pool")[0]}, ValueError,
     "the network's output must be scores (N, classes), got (3, 3, 3, 3)."),
    ({"network": convolutional(np.float32), "images": np.full((3, 1, 5, 6), 1e39)}, ValueError,
     "images must fit float32, whose largest number is 3.4e+38, got 1e+39."),
    ({"loss": sigmoid_cross_entropy, "labels": np.zeros(len(X))}, ValueError,
     f"labels must have shape (N, C) for sigmoid_cross_entropy, got ({len(X)},). For one question pass "
     "labels[:, None]; for one class out of C pass loss=softmax_cross_entropy."),
    ({"epochs": -1}, ValueError, "epochs == -1, must be >= 0."),
    ({"epochs": 1.0}, TypeError, "epochs must be an instance of int, not float."),
    ({"batch_size": 0}, ValueError, "batch_size == 0, must be >= 1."),
    ({"batch_size": None}, TypeError, "batch_size must be an instance of int, not NoneType."),
    ({"seed": -1}, ValueError, "seed == -1, must be >= 0."),
    ({"seed": None}, TypeError, "seed must be an instance of int, not NoneType."),
    ({"learning_rate": np.nan}, ValueError, "learning_rate must be finite and >= 0, got nan."),
    ({"learning_rate": -0.1}, ValueError, "learning_rate must be finite and >= 0, got -0.1."),
    ({"learning_rate": "0.1"}, TypeError, "learning_rate must be an instance of float, not str."),
    ({"learning_rate": True}, TypeError, "learning_rate must be an instance of float, not bool."),
    ({"momentum": np.inf}, ValueError, "momentum must be finite and >= 0, got inf."),
    ({"momentum": None}, TypeError, "momentum must be an instance of float, not NoneType."),
    ({"weight_decay": -1}, ValueError, "weight_decay must be finite and >= 0, got -1."),
    ({"weight_decay": Fraction(1, 2)}, TypeError, "weight_decay must be an instance of float, not Fraction."),
    ({"fixed": None}, TypeError, "fixed must be a sequence such as ['conv'], got None."),
    ({"fixed": 2}, TypeError, "fixed must be a sequence such as ['conv'], got 2."),
    ({"fixed": {"conv": 2}}, TypeError, "fixed must be a sequence such as ['conv'], got {'conv': 2}."),
    ({"fixed": "conv"}, TypeError, "fixed must be a sequence such as ['conv'], got 'conv'."),
    ({"fixed": ["con"]}, ValueError, f"{NAMES}'con'; {PARAMETERS}"),
    ({"fixed": ["relu"]}, ValueError, f"{NAMES}'relu'; {PARAMETERS}"),
    ({"fixed": ("conv", 2)}, ValueError, f"{NAMES}2; {PARAMETERS}"),
    ({"fixed": [("conv",)]}, ValueError, f"{NAMES}('conv',); {PARAMETERS}"),
    ({"fixed": [(2, "conv")]}, ValueError, f"{NAMES}(2, 'conv'); {PARAMETERS}"),
    ({"fixed": [("conv", 3)]}, ValueError, "the kernel of 'conv' in fixed must be in 0..2, got 3."),
    ({"fixed": [("conv", -1)]}, ValueError, "the kernel of 'conv' in fixed == -1, must be >= 0."),
    ({"fixed": [("conv", "2")]}, TypeError, "the kernel of 'conv' in fixed must be an instance of int, not str."),
    ({"network": Network([]), "fixed": ["a"]}, ValueError, f"{NAMES}'a'; the parameters are none."),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "error", "message"), IN_FIT)
def test_what_fit_refuses(changed, error, message):
    arguments = {"network": convolutional(), "images": X, "labels": T}
    assert refusal(error, lambda: fit(**(arguments | changed))) == message


NO_SCORES = "scores must have shape (N, C) with no empty axis, got "
NEITHER = "scores hold Fractions, but the loss needs logarithms; convert with numpycam.exact.as_floats."
IN_LOSSES = [
    (sigmoid_cross_entropy, as_fractions([[1]]), [[1]], TypeError, NEITHER),
    (softmax_cross_entropy, as_fractions([[1]]), [0], TypeError, NEITHER),
    (sigmoid_cross_entropy, np.ones(2), [1, 0], ValueError, NO_SCORES + "(2,)."),
    (softmax_cross_entropy, np.ones((0, 2)), [], ValueError, NO_SCORES + "(0, 2)."),
    (softmax_cross_entropy, np.ones((2, 0)), [0, 0], ValueError, NO_SCORES + "(2, 0)."),
    (sigmoid_cross_entropy, np.ones((1, 2)), [1, 0], ValueError, "labels must have shape (1, 2), got (2,)."),
    (sigmoid_cross_entropy, np.ones((1, 2)), [[0, 1.5]], ValueError, "labels must be in 0..1, got 0 to 1.5."),
    (sigmoid_cross_entropy, np.ones((1, 2)), [[-1, 1]], ValueError, "labels must be in 0..1, got -1 to 1."),
    (sigmoid_cross_entropy, np.float32([[1]]), [[1 + 1e-12]], ValueError, "labels must be in 0..1, got 1 to 1."),
    (sigmoid_cross_entropy, np.ones((1, 2)), [[0, np.nan]], ValueError, "labels contains NaN at index (0, 1)."),
    (softmax_cross_entropy, np.ones((2, 2)), [[0, 1]], ValueError, "labels must have shape (2,), got (1, 2)."),
    (softmax_cross_entropy, np.ones((2, 3)), [[0, 1, 0], [True, 0, 0]], ValueError,
     "labels must have shape (2,), got (2, 3). They are one-hot: pass labels.argmax(axis=1)."),
    (softmax_cross_entropy, np.ones((2, 2)), [[True, False], [False, True]], ValueError,
     "labels must have shape (2,), got (2, 2). They are one-hot: pass labels.argmax(axis=1)."),
    (softmax_cross_entropy, np.ones((2, 2)), [[0.5, 0.5], [0, 1]], ValueError,
     "labels must have shape (2,), got (2, 2)."),
    (softmax_cross_entropy, np.ones((2, 2)), [[1, 1], [0, 1]], ValueError, "labels must have shape (2,), got (2, 2)."),
    (softmax_cross_entropy, np.ones((2, 2)), [["a", "b"], ["c", "d"]], ValueError,
     "labels must have shape (2,), got (2, 2)."),
    (softmax_cross_entropy, np.ones((2, 2)), [[1.0], [0.0]], ValueError,
     "labels must have shape (2,), got (2, 1). Pass labels[:, 0]."),
    (softmax_cross_entropy, np.ones((2, 2)), [1, 2], ValueError,
     "labels must be ints in 0..1, got 1 to 2. Are they counted from 1? Pass labels - 1."),
    (softmax_cross_entropy, np.ones((2, 2)), [1, 3], ValueError, "labels must be ints in 0..1, got 1 to 3."),
    (softmax_cross_entropy, np.ones((2, 1)), [0, 0], ValueError,
     "scores must be for two classes at least, got (2, 1): the softmax of one score is 1, whatever the score is. For "
     "an answer of yes or no pass loss=sigmoid_cross_entropy."),
    (softmax_cross_entropy, np.ones((2, 2)), [0, 2], ValueError, "labels must be ints in 0..1, got 0 to 2."),
    (softmax_cross_entropy, np.ones((2, 2)), [-1, 1], ValueError, "labels must be ints in 0..1, got -1 to 1."),
    (softmax_cross_entropy, np.ones((2, 2)), [0.0, 1.0], TypeError, "labels must be ints in 0..1, got float64."),
    (softmax_cross_entropy, np.ones((2, 2)), [False, True], TypeError,
     "labels must be ints in 0..1, got bool. Pass labels.astype(int)."),
]  # fmt: skip


@pytest.mark.parametrize(("loss", "scores", "labels", "error", "message"), IN_LOSSES)
def test_what_losses_refuse(loss, scores, labels, error, message):
    assert refusal(error, lambda: loss(scores, labels)) == message


def test_labels_of_fractions_do_not_meet_scores_of_floats():
    message = refusal(TypeError, lambda: sigmoid_cross_entropy(np.ones((1, 1)), as_fractions([[1]])))
    assert message.startswith("scores holds floats but labels holds Fractions; convert")
