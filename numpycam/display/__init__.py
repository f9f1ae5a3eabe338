"""Pictures: the overlay of a map on the image, maps with their numbers, and one figure of all stages.

Only this package imports matplotlib. It draws on its own figures and does not change pyplot, its backends or its
settings. Nor do a matplotlibrc or the user's ``rcParams`` change the figures.

Signed maps have diverging colours, with white at zero. All other maps are drawn in cividis. Small maps also have their
numbers in the cells, so that colour is never the only way to read them. Every figure has an alternative text, with the
same numbers.
"""

from numpycam.display.canvas import Picture, is_dark
from numpycam.display.charts import figure_of_curves, figure_of_draws
from numpycam.display.colours import figure_of_colour_maps, lightness
from numpycam.display.figures import (
    figure_of_errors,
    figure_of_kernels,
    figure_of_losses,
    figure_of_methods,
    figure_of_parts,
    figure_of_path,
    figure_of_pictures,
)
from numpycam.display.pixels import as_png, as_uint8, overlay, shown, with_picture
from numpycam.display.reading import read_image
from numpycam.display.stages import (
    Column,
    animation_of_stages,
    colours_of,
    columns_of,
    figure_of_maps,
    figure_of_overlay,
    figure_of_stage,
    figure_of_stages,
    limits_of,
)
from numpycam.display.ways import figure_of_ways
from numpycam.text import format_number

__all__ = [
    "Column",
    "Picture",
    "animation_of_stages",
    "as_png",
    "as_uint8",
    "colours_of",
    "columns_of",
    "figure_of_colour_maps",
    "figure_of_curves",
    "figure_of_draws",
    "figure_of_errors",
    "figure_of_kernels",
    "figure_of_losses",
    "figure_of_maps",
    "figure_of_methods",
    "figure_of_overlay",
    "figure_of_parts",
    "figure_of_path",
    "figure_of_pictures",
    "figure_of_stage",
    "figure_of_stages",
    "figure_of_ways",
    "format_number",
    "is_dark",
    "lightness",
    "limits_of",
    "overlay",
    "read_image",
    "shown",
    "with_picture",
]
