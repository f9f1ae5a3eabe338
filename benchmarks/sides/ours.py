"""numpycam, through its public interface."""

from dataclasses import replace

import numpy as np
from cases import RATE, SAMPLES, STEPS

import numpycam
from numpycam import Conv2d, Flatten, GlobalAvgPool2d, Linear, MaxPool2d, Network, ReLU, Residual
from numpycam.methods import METHODS
from numpycam.resize import resize

KINDS = {
    "conv": Conv2d,
    "linear": Linear,
    "relu": ReLU,
    "pool": MaxPool2d,
    "flatten": Flatten,
    "gap": GlobalAvgPool2d,
    "block": lambda *ways: Network([("add", Residual(*map(network_of, ways))), ("relu", ReLU())]),
}


def conv(case):
    layer, x, u = Conv2d(case.weight, case.bias, padding=case.padding), case.x, case.grad_output

    def run():
        y, dx = layer.forward(x), layer.backward(u, x)
        return y, dx, *layer.parameter_gradients(u, x).values()

    return run


def network_of(layers):
    return Network([(f"{kind}{i}", KINDS[kind](*values)) for i, (kind, *values) in enumerate(layers)])


def network_and_layer_of(case):
    """As from_torch makes them: batch norms are parts of their convolutions."""
    case = case.folded
    network = network_of(case.layers)
    return network, network.layers[case.target - 1][0]


def one_or_batch(case):
    return (case.x[0], case.classes[0]) if len(case.x) == 1 else (case.x, case.classes)


def grad_cam(case):
    (network, layer), (image, classes) = network_and_layer_of(case), one_or_batch(case)
    height, width = case.x.shape[2:]

    def run():
        explanation = numpycam.grad_cam(network, image, classes, layer)
        return (resize(explanation.localization_map, (height, width)).reshape(-1, height, width),)

    return run


def method(case):
    explain, network, size = METHODS[case.name], network_of(case.layers), case.x.shape[2:]
    classes, options = network(case.x).argmax(axis=1).tolist(), {}
    if explain.layer is None:
        options["layer"] = network.layers[case.layer][0]
    if case.name == "guided_grad_cam":
        options["cam_layer"] = network.layers[case.layer][0]
    options |= {"integrated_gradients": {"steps": STEPS}, "smooth_grad": {"samples": SAMPLES}}.get(case.name, {})

    def run():
        explanation = explain(network, case.x, classes, **options)
        if explain.layer is None:
            return (resize(explanation.localization_map, size),)
        return (explanation.weighted_sum,)

    return run


def classes_with_a_map(case):
    """For each image the first class whose map is not zero: on zero maps all would agree."""
    (network, layer), chosen = network_and_layer_of(case), {}
    for c in range(network.output_shape(case.x.shape)[1]):
        maps = numpycam.grad_cam(network, case.x, c, layer).localization_map
        chosen = {int(n): c for n in np.flatnonzero(maps.max(axis=(1, 2)))} | chosen
        if len(chosen) == len(case.x):
            break
    return [chosen[n] for n in range(len(case.x))]


def train(case):
    network, labels, row = network_of(case.layers), case.labels, np.arange(len(case.labels))

    def run():
        nonlocal network
        activations = network.activations(case.x)
        *_, scores = activations.values()
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        run.loss = -np.log(p[row, labels]).mean()
        p[row, labels] -= 1  # dL/dy = softmax - one-hot, over the mean
        gradients = network.parameter_gradients(p / len(p), case.x, activations)
        network = Network([(name, updated(name, layer, gradients)) for name, layer in network.layers])
        return list(network.parameters.values())

    return run


def updated(name, layer, gradients):
    rate = np.float32(RATE)
    return replace(layer, **{key: p - rate * gradients[f"{name}.{key}"] for key, p in layer.parameters.items()})
