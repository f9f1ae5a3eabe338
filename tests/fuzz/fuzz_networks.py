"""Drawn networks against torch: every activation, every gradient, and Sequentials by way of from_torch."""

import time
from importlib import import_module
from importlib.util import find_spec

from hypothesis import HealthCheck, given, seed, settings

EXAMPLES = 50  # of a kind, before the clock is looked at again


def run(seconds, seed_of_run):
    if find_spec("torch") is None:
        return 0, ["torch is not installed: pip install --editable '.[torch]'"]
    against_torch, cases = import_module("against_torch"), import_module("torch_cases")
    from numpycam.interop import from_torch

    count = 0

    def agrees(network, module, x, make):
        nonlocal count
        count += 1
        u = make(*network.output_shape(x.shape))
        assert against_torch.disagreements(network, module, x, u) == []

    def network_agrees(case):
        network, x, make = case
        agrees(network, against_torch.as_torch(network), x, make)

    def module_agrees(case):
        module, x, make = case
        agrees(from_torch(module, x.shape[1:]), module, x, make)

    options = settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=[*HealthCheck])
    end, n, findings = time.monotonic() + seconds, 0, []
    while time.monotonic() < end and not findings:
        for check, strategy in ((network_agrees, cases.networks()), (module_agrees, cases.sequentials())):
            try:
                seed(seed_of_run * 1_000_000 + n)(options(given(strategy)(check)))()
            except AssertionError as error:
                findings.append(f"seed {seed_of_run}, round {n}: {' '.join(str(error).split())[:600]}")
        n += 1
    return count, findings
