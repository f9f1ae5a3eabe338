"""Other NumPy libraries that train networks. Those with channels last get their arrays so before the clock runs."""

import numpy as np
from cases import RATE


def last(maps):  # (N, C, H, W) -> (N, H, W, C)
    return np.ascontiguousarray(maps.transpose(0, 2, 3, 1))


def first(maps):  # (N, H, W, C) -> (N, C, H, W)
    return maps.transpose(0, 3, 1, 2)


def kernel_first(weight):  # (O, C, KH, KW) -> (KH, KW, C, O)
    return np.ascontiguousarray(weight.transpose(2, 3, 1, 0))


def out_first(weight):  # (KH, KW, C, O) -> (O, C, KH, KW)
    return weight.transpose(3, 2, 0, 1)


# --- Convolution ------------------------------------------------------------------------------------


def conv_picodl(case):
    from picodl.layers import Conv2D
    from picodl.tensor import Tensor

    layer = Conv2D(case.x.shape[1], len(case.weight), 3, padding=case.padding)
    weight, bias = layer.params["w"], layer.params["b"]
    weight.data, bias.data = case.weight, case.bias

    def run():
        weight.grad = bias.grad = None
        x = Tensor(case.x, requires_grad=True)
        y = layer.forward(x)
        y.backward(case.grad_output)
        return y.data, x.grad, weight.grad, bias.grad

    return run


def conv_euclid(case):
    import euclid

    euclid.change_precision(case.x.dtype.type)
    layer = euclid.layers.Conv2D(case.x.shape[1], len(case.weight), 3, padding=case.padding)
    layer.weights = euclid.Tensor(case.weight, requires_grad=True)
    layer.bias = euclid.Tensor(case.bias, requires_grad=True)
    u = euclid.Tensor(case.grad_output)

    def run():
        layer.weights.zero_grad()
        layer.bias.zero_grad()
        x = euclid.Tensor(case.x, requires_grad=True)
        y = layer.forward(x)
        (y * u).sum().backward()
        return y.data, x.grad, layer.weights.grad, layer.bias.grad

    return run


def conv_mygrad(case):
    import mygrad
    from mygrad.nnet.layers import conv_nd

    arrays = case.x, case.weight, case.bias.reshape(1, -1, 1, 1)

    def run():
        x, weight, bias = (mygrad.tensor(array, copy=False) for array in arrays)
        y = conv_nd(x, weight, stride=1, padding=case.padding) + bias
        y.backward(case.grad_output)
        return y.data, x.grad, weight.grad, bias.grad.ravel()

    return run


def conv_kronyx(case):
    from kronyx import Conv2D

    x, u, layer = last(case.x), last(case.grad_output), Conv2D(len(case.weight), 3, padding="same")
    layer.kernels, layer.biases = kernel_first(case.weight), case.bias.copy()

    def run():
        y, dx = layer.forward(x), layer.backward(u)
        return first(y), first(dx), out_first(layer.dkernels), layer.dbiases

    return run


def conv_snn(case):
    from snn.layers import Conv2D

    x, u, layer = last(case.x), last(case.grad_output), Conv2D(len(case.weight), 3, padding="same")
    layer.forward(x)  # makes the parameters
    layer.W, layer.b = kernel_first(case.weight), case.bias.reshape(1, -1).copy()

    def run():
        y, dx = layer.forward(x, training=True), layer.backward(u)
        weight, bias = (len(x) * layer.grads[name] for name in ("W", "b"))  # it takes the mean over the batch
        return first(y), first(dx), out_first(weight), bias.ravel()

    return run


# --- One training step ------------------------------------------------------------------------------


def layers_of(module, **names):
    """The layers of cases.train by a library whose names differ in one or another."""
    conv, linear = names.get("conv", "Conv2D"), names.get("linear", "Linear")
    kinds = [(conv, 1, 8, 3), ("ReLU",), ("MaxPool2D", 2), (conv, 8, 16, 3), ("ReLU",), ("MaxPool2D", 2)]
    kinds += [("Flatten",), (linear, 784, 10)]
    return [getattr(module, kind)(*values, **({"padding": 1} if kind == conv else {})) for kind, *values in kinds]


def fill(parameters, case):
    """Set the parameters; the last weight is (in, out) here, and a bias may have axes of length one."""
    for parameter, value in zip(parameters, case.parameters, strict=True):
        value = value.T if value.ndim == 2 else value
        parameter.data = value.copy(order="C").reshape(parameter.data.shape)


def shown(parameters):
    arrays = [np.asarray(parameter.data) for parameter in parameters]
    return [array.T if array.shape == (784, 10) else array.ravel() if array.size < 20 else array for array in arrays]


def train_picodl(case):
    from picodl import layers
    from picodl.loss import CrossEntropyLoss
    from picodl.nn import NeuralNet
    from picodl.optim import SGD
    from picodl.tensor import Tensor

    stack = layers_of(layers)
    parameters = [stack[i].params[name] for i in (0, 3, 7) for name in ("w", "b")]
    fill(parameters, case)
    network, optimizer, loss, x = NeuralNet(stack), SGD(RATE), CrossEntropyLoss(), Tensor(case.x)

    def run():
        for parameter in parameters:
            parameter.grad = None
        loss.loss(network.forward(x), case.labels).backward()
        optimizer.step(network)
        return shown(parameters)

    return run


def train_euclid(case):
    import euclid

    euclid.change_precision(np.float32)
    network = euclid.networks.Sequential(layers_of(euclid.layers, linear="Dense"))
    parameters = network.parameters()
    fill(parameters, case)
    optimizer, loss = euclid.optimizers.SGD(learning_rate=RATE), euclid.losses.CrossEntropy()
    optimizer.set_parameters(parameters)
    x, one_hot = euclid.Tensor(case.x), euclid.Tensor(np.eye(10, dtype=np.float32)[case.labels])

    def run():
        optimizer.zero_grad()
        loss.forward(network.forward(x), one_hot).backward()
        optimizer.step()
        return shown(parameters)

    return run


def train_mygrad(case):
    import mygrad
    from mygrad.nnet.activations import relu
    from mygrad.nnet.layers import conv_nd, max_pool
    from mygrad.nnet.losses import softmax_crossentropy

    w1, b1, w2, b2, w3, b3 = (array.copy() for array in case.parameters)
    arrays = w1, b1.reshape(1, -1, 1, 1), w2, b2.reshape(1, -1, 1, 1), w3.T.copy(), b3
    parameters = w1, b1, w2, b2, w3, b3 = [mygrad.tensor(array) for array in arrays]
    rate = np.float32(RATE)

    def run():
        maps = case.x
        for weight, bias in ((w1, b1), (w2, b2)):
            maps = max_pool(relu(conv_nd(maps, weight, stride=1, padding=1) + bias), (2, 2), 2)
        scores = mygrad.matmul(maps.reshape(len(case.x), -1), w3) + b3
        softmax_crossentropy(scores, case.labels).backward()
        for parameter in parameters:
            parameter.data -= rate * parameter.grad
        return shown(parameters)

    return run
