"""Convert torchvision's classification models with random weights, compare them, and write the tables of models.md.

python docs/models.py             # with torch and torchvision: about ten minutes and 5 GB of memory; no download
python docs/models.py --page      # write the tables again from models.json
"""

import gc
import json
import re
import sys
import warnings
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import numpy as np
from page_parts import table, write_parts

from numpycam import ReLU, grad_cam
from numpycam.interop import from_torch

HERE = Path(__file__).parent
PAGE, RECORD = HERE / "models.md", HERE / "models.json"
SIZES = {"inception_v3": 299}  # all others take 224
LINE = re.compile(r"(?P<place>.*?): (?P<what>.*) is not supported: (?P<why>.*)\.")


def by_number(name):
    """Return what sorts resnet50 before resnet101."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def build(name):
    """Return a model with random weights, also in its normalisations, where torchvision would put zeros and ones."""
    import torch
    from torchvision import models

    torch.manual_seed(0)
    model = models.get_model(name, weights=None)
    for norm in (one for one in model.modules() if isinstance(one, torch.nn.BatchNorm2d)):
        for values in (norm.running_var, norm.weight.data):
            values.uniform_(0.5, 1.5)
        for values in (norm.running_mean, norm.bias.data):
            values.uniform_(-0.1, 0.1)
    return model.eval()


def measured(name):
    """Return how far the model is from its network here, or the lines with which it is refused."""
    import torch

    model, size = build(name), SIZES.get(name, 224)
    try:
        network = from_torch(model, (3, size, size))
    except (TypeError, ValueError) as error:
        return {"refused": str(error).splitlines()}
    image = np.random.default_rng(0).standard_normal((3, size, size))
    layer = grad_cam(network, image.astype(np.float32)).layer
    found = {"parameters": sum(one.numel() for one in model.parameters()), "layer": layer, "behind": behind(network)}
    for precision in ("float32", "float64"):
        model = model.to(getattr(torch, precision))
        network = from_torch(model, (3, size, size))
        found[precision] = differences(model, network, image.astype(precision), found["layer"], found["behind"])
    return found


def behind(network):
    """Return the layer that the field calls the last: the output of a ResNet's last block, or the last ReLU of maps."""
    if "layer4" in network:
        return "layer4"
    return [name for name, layer in network.row if isinstance(layer, ReLU) and name.startswith("features.")][-1]


def differences(model, network, image, *layers):
    """Return the largest difference of the scores and of the maps before ReLU, divided by the largest value."""
    import torch

    seen = {}
    hooks = [keep(model, layer, seen) for layer in layers]
    scores = model(torch.tensor(image[None]))
    for hook in hooks:
        hook.remove()
    top = int(scores.argmax())
    gradients = torch.autograd.grad(scores[0, top], list(seen.values()))
    apart = [apart_by(network(image[None]), scores.detach().numpy())]
    for (layer, maps), gradient in zip(seen.items(), gradients, strict=True):
        theirs = (gradient.mean((2, 3), keepdim=True) * maps).sum(1)[0].detach().numpy()
        apart.append(apart_by(grad_cam(network, image, top, layer).weighted_sum, theirs))
    return apart


def keep(model, layer, seen):
    """Put what torch has at a layer of ours into ``seen``, in a way that no in-place operation can overwrite it."""
    import torch

    def of_input(module, inputs):
        seen[layer] = inputs[0]
        return (inputs[0].clone(),)

    def of_output(module, inputs, output):
        seen[layer] = output
        return output.clone()

    if layer.endswith(".add"):  # a sum is no module: it is what the block's last ReLU takes
        return model.get_submodule(layer.removesuffix(".add")).relu.register_forward_pre_hook(of_input)
    modules = dict(model.named_modules())
    follower = dict(zip(modules, [*modules][1:], strict=False)).get(layer)
    is_normalised = isinstance(modules.get(follower), torch.nn.BatchNorm2d)  # then our convolution contains it
    return modules[follower if is_normalised else layer].register_forward_hook(of_output)


def apart_by(ours, theirs):
    """Return the largest difference, divided by the largest value."""
    largest = np.abs(theirs).max()
    assert largest > 0
    return float(np.abs(ours - theirs).max() / largest)


def converted_table(models):
    """Return a row for each model that became a network."""
    rows = []
    for name, one in models.items():
        if "refused" not in one:
            scores, there, behind_it = (
                f"{few:.0e}, {many:.0e}" for few, many in zip(one["float64"], one["float32"], strict=True)
            )
            model, layer, behind = (f"`{text}`" for text in (name, one["layer"], one["behind"]))
            rows.append([model, f"{one['parameters']:,}", layer, scores, there, behind, behind_it])
    head = ["model", "parameters", "layer without `layer=`", "scores", "Grad-CAM there", "and at", "Grad-CAM there"]
    return table(head, rows, numbers=[1])


def refused_table(models):
    """Return a row for all models that are refused for the same reasons, with the places in the first of them."""
    groups = {}
    for name, one in models.items():
        if "refused" in one:
            lines = [LINE.fullmatch(line) for line in one["refused"]]
            groups.setdefault(frozenset(line["why"] for line in lines), []).append((name, lines))
    rows = []
    for group in sorted(groups.values(), key=lambda group: (len(group[0][1]), group[0][0])):
        names = ", ".join(f"`{name}`" for name, _ in group)
        reasons = "<br>".join(f"{shortened(line['why'])}: {line['what']} at `{line['place']}`" for line in group[0][1])
        rows.append([len(group), names, reasons])
    what = "what they do that numpycam does not, and where in the first of them"
    return table(["how many", "models", what], rows, numbers=[0])


def shortened(why):
    """Return a reason without what explains it."""
    return re.split(", | until ", why)[0]


def about(record):
    """Return in a sentence what was run, when and with what."""
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    names, refused = record["models"], sum("refused" in one for one in record["models"].values())
    return (
        f"{len(names)} models: {len(names) - refused} become networks, {refused} do not. Run on {record['date']} with "
        f"{versions}, on the CPU."
    )


def parts(record):
    """Return what the page shows of a record, by the name of its marks."""
    return {
        "about": about(record),
        "converted": converted_table(record["models"]),
        "refused": refused_table(record["models"]),
    }


if __name__ == "__main__":
    if "--page" not in sys.argv:
        from torchvision import models

        warnings.simplefilter("ignore")  # torchvision's, about how some of its models draw their weights
        found = {}
        for name in sorted(models.list_models(module=models), key=by_number):
            found[name] = measured(name)
            print(name, found[name], flush=True)
            gc.collect()  # a module holds itself in circles; the next one needs its memory
        versions = {name: metadata.version(name).partition("+")[0] for name in ("torchvision", "torch", "numpy")}
        record = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "versions": versions, "models": found}
        RECORD.write_text(json.dumps(record, indent=1) + "\n")
    write_parts(PAGE, parts(json.loads(RECORD.read_text())))
