"""numpycam against torch: the losses with their gradients, and trainings with momentum and weight decay."""

import numpy as np
import pytest
from against_torch import agrees, as_torch, drawn, operations_of, passes, switch_alike, torch
from hypothesis import assume
from hypothesis import strategies as st
from torch_cases import CLASSIFIERS, networks, numbers

from numpycam.experiments.training import fit, sigmoid_cross_entropy, softmax_cross_entropy

LOSSES = {
    sigmoid_cross_entropy: torch.nn.functional.binary_cross_entropy_with_logits,
    softmax_cross_entropy: torch.nn.functional.cross_entropy,
}
OF_A_LOSS = 40  # operations: exp and log count as 8 each, since they are off by 4 ulp at most


def labels(loss, rng, count, classes):
    """A class for each image; or for each class 0, 1 or a probability."""
    if loss is softmax_cross_entropy:
        return rng.integers(0, classes, count)
    return rng.choice([0, 0.25, 1], (count, classes))


def scale_of(loss, y):
    """How large the numbers are that a loss adds, for each image: distances of scores, logarithms, a probability."""
    distance = y.max(axis=1) - y.min(axis=1) if loss is softmax_cross_entropy else np.abs(y).max(axis=1)
    return distance + np.log(y.shape[1]) + 1


@pytest.mark.parametrize("loss", LOSSES)
@drawn(numbers(), st.integers(1, 6), st.integers(1, 4), st.sampled_from([1, 30, 1e4]), st.integers(0, 99))
def test_a_loss_and_its_gradient_agree_with_torchs(loss, make, count, classes, largest, seed):
    classes += loss is softmax_cross_entropy  # of one class alone it is always 0, and refused
    y = largest * make(count, classes)
    t = labels(loss, np.random.default_rng(seed), count, classes)
    twin = torch.tensor(y, requires_grad=True)
    theirs = LOSSES[loss](twin, torch.tensor(t))
    theirs.backward()
    value, gradient = loss(y, t)
    scale, operations = scale_of(loss, y), OF_A_LOSS + y.size
    assert agrees(np.array(value), theirs, torch.tensor(scale.mean()), operations)
    assert agrees(gradient, twin.grad, torch.full(y.shape, (2 + np.log(classes)) / count), operations)


def largest_gradient(network, x, loss, t):
    gradients = network.parameter_gradients(loss(network(x), t)[1], x)
    return max(np.abs(gradient).max() for gradient in gradients.values())


@pytest.mark.parametrize("loss", LOSSES)
@drawn(
    networks(CLASSIFIERS),
    st.sampled_from([0, 0.5, 0.9]),
    st.sampled_from([0, 0.01]),
    st.integers(0, 99),
)
def test_a_training_agrees_with_torchs_step_by_step(loss, case, momentum, weight_decay, seed):
    """Each step begins with our parameters and torch's own velocity.

    A velocity is a sum over steps, so its scale is the sum of the scales. The scores are off by rounding themselves,
    and the gradient of a loss by no more than that: its slope is below 1.
    """
    network, x, _ = case
    assume(loss is not softmax_cross_entropy or network.output_shape(x.shape)[1] > 1)
    trained, module = [network], as_torch(network)
    t = labels(loss, np.random.default_rng(seed), len(x), network.output_shape(x.shape)[1])
    rate = 0.01 / max(1, largest_gradient(network, x, loss, t))  # drawn weights are so large that else it would diverge
    _, losses = fit(
        network,
        x,
        t,
        loss=loss,
        epochs=4,
        batch_size=len(x),
        learning_rate=rate,
        momentum=momentum,
        weight_decay=weight_decay,
        callback=lambda epoch, network, _: trained.append(network),
    )
    sgd = torch.optim.SGD(module.parameters(), rate, momentum, weight_decay=weight_decay)
    velocity = dict.fromkeys(network.parameters, 0)
    for before, after, value in zip(trained, trained[1:], losses, strict=False):
        parameters = dict(module.named_parameters())
        for name, p in parameters.items():
            p.data = torch.tensor(before.parameters[name])
        sgd.zero_grad()
        theirs = LOSSES[loss](module(torch.tensor(x)), torch.tensor(t))
        theirs.backward()
        sgd.step()
        stepped = {name: p.data for name, p in parameters.items()}
        for name, p in parameters.items():
            p.data = torch.tensor(before.parameters[name])

        activations = before.activations(x)
        *_, y = activations.values()
        u = np.abs(loss(y, t)[1])
        values, _, scales, _ = passes(module, x, u)
        assume(switch_alike(before, module, activations, values))
        *_, of_scores = (scales[name] for name in activations)
        of_scores = of_scores.detach().numpy().max(axis=1) + scale_of(loss, y)
        operations = operations_of(before, activations) + len(trained) * OF_A_LOSS
        assert agrees(np.array(value), theirs, torch.tensor(of_scores.mean()), operations)
        _, _, _, of_gradients = passes(module, x, u + of_scores[:, None] / len(x))
        for name, p in before.parameters.items():
            velocity[name] = momentum * velocity[name] + of_gradients[name].detach().numpy() + weight_decay * np.abs(p)
            scale = torch.tensor(np.abs(p) + rate * velocity[name])
            assert agrees(after.parameters[name], stepped[name], scale, operations)
