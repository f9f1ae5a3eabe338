"""Draw docs/worked_example/stages.gif, the animation of the README."""

from pathlib import Path

from numpycam import grad_cam, worked_example
from numpycam.display import animation_of_stages

explanation = grad_cam(worked_example.network(), worked_example.IMAGE, class_index=0)
film = animation_of_stages(explanation, title="Grad-CAM of the cat, linear head", interpolation="nearest")
(Path(__file__).parent / "worked_example" / "stages.gif").write_bytes(film)
