"""What a type checker and an editor see of numpycam: a misspelt name is an error, and results have their types."""

from pathlib import Path

import pytest

api = pytest.importorskip("mypy.api", reason="it needs mypy: pip install -e '.[dev]'")

HERE = Path(__file__).parent.parent
GIVEN = "import numpycam\nnetwork, image = numpycam.worked_example.network(), numpycam.worked_example.IMAGE\n"


def checked(tmp_path, line):
    """What mypy says of a user's line."""
    path = tmp_path / "user.py"
    path.write_text(f"{GIVEN}{line}\n", encoding="utf-8")
    told, _, _ = api.run(["--strict", "--config-file", str(HERE / "setup.cfg"), str(path)])
    return told


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("numpycam.grad_cma(network, image)", 'has no attribute "grad_cma"'),
        ("numpycam.methods.hirescan(network, image)", 'has no attribute "hirescan"'),
        ("numpycam.grad_cam(network, image).alpha", 'has no attribute "alpha"'),
        ("numpycam.load_pretrained('drawings').sumary((3, 32, 32))", 'has no attribute "sumary"'),
        ("numpycam.grad_cam(network, image, target_layers=['features'])", "Unexpected keyword argument"),
    ],
)
def test_a_misspelt_name_is_an_error(tmp_path, line, error):
    assert error in checked(tmp_path, line)


@pytest.mark.parametrize(
    ("expression", "type_"),
    [
        ("numpycam.grad_cam(network, image)", "numpycam.gradcam.Explanation"),
        ("numpycam.methods.hirescam(network, image)", "numpycam.gradcam.Explanation"),
        ("numpycam.load_pretrained('drawings')", "numpycam.network.Network"),
        ("network[0]", "numpycam.core.base.Layer"),
        ("list(network)", "list[numpycam.core.base.Layer]"),
    ],
)
def test_results_have_their_types(tmp_path, expression, type_):
    assert f'Revealed type is "{type_}"' in checked(tmp_path, f"reveal_type({expression})")
