"""Grad-CAM as a user calls it, and the Explanation that it returns: the core's stages, which draw and save themselves.

The steps themselves are in ``numpycam.core.steps``.
"""

from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from numpycam.core.arrays import Pair
from numpycam.core.network import Network
from numpycam.core.steps import ClassIndex, Evidence, Stages, compute_alphas, compute_weighted_maps, gather, gather_maps

if TYPE_CHECKING:
    from numpycam.display import Picture
    from numpycam.resize import Interpolation


class Explanation(Stages):
    __doc__ = Stages.__doc__

    def plot(
        self,
        stage: str | None = None,
        *,
        title: str = "",
        interpolation: "Interpolation" = "bilinear",
        most_maps: int = 4,
    ) -> "Picture":
        """Draw all stages of one image, or the one that ``stage`` names.

        Parameters
        ----------
        stage : str, optional
            A field, such as "weighted_sum", or "overlay". If not given, all stages stand side by side.
        title : str
            It stands above the figure of all stages.
        interpolation : {"bilinear", "nearest"}
            How the map is resized for the overlay.
        most_maps : int, default 4
            How many feature maps are shown, those that contribute most.

        Returns
        -------
        Picture
            A matplotlib figure with an alternative text. A notebook shows it.

        Raises
        ------
        TypeError, ValueError
            If an argument has the wrong type or value, the explanation is that of a batch, or it has no such stage.
        """
        from numpycam.display import figure_of_stage, figure_of_stages

        if stage is not None and title:
            raise ValueError("title stands above the figure of all stages: leave it out for one stage.")
        if stage is None:
            return figure_of_stages(self, title=title, interpolation=interpolation, most_maps=most_maps)
        return figure_of_stage(self, stage, interpolation=interpolation, most_maps=most_maps)

    def save(
        self,
        folder: str | PathLike[str],
        *,
        title: str = "",
        interpolation: "Interpolation" = "bilinear",
        about: dict[str, Any] | None = None,
        picture: ArrayLike | None = None,
        parts: Mapping[str, tuple[Pair, Pair]] | None = None,
        caption: str = "",
    ) -> list[str]:
        """Write the step-through page, the pictures and the numbers to a folder: see :func:`numpycam.report.save`.

        Parameters
        ----------
        folder : path
            It is made if it does not exist.
        title, interpolation, about, picture, parts, caption
            As for :func:`numpycam.report.save`.

        Returns
        -------
        list of str
            The names of the files that were written.

        Raises
        ------
        TypeError, ValueError
            If an argument has the wrong type or value, or the explanation is that of a batch.
        OSError
            If a file cannot be written.
        """
        from numpycam.report import save

        return save(
            self,
            folder,
            title=title,
            interpolation=interpolation,
            about=about,
            picture=picture,
            parts=parts,
            caption=caption,
        )

    def __repr__(self) -> str:
        from numpycam.report import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from numpycam.report import as_html

        return as_html(self)


def grad_cam(
    network: Network,
    image: ArrayLike,
    class_index: ClassIndex = None,
    layer: str | None = None,
    *,
    check_finite: bool = True,
) -> Explanation:
    """Explain a score of the network by Grad-CAM, with every stage.

    L^c = ReLU(Σ_k α_k^c A^k), where α_k^c = (1/Z) Σ_ij dy^c/dA^k_ij

    Parameters
    ----------
    network : Network
        Its output is one row of scores for each image, before any softmax.
    image : array, shape (C, H, W) or (N, C, H, W)
        One image or a batch. A list or a tuple of images is a batch, too, as NumPy makes an array of it. Integers are
        converted to the dtype of the network.
    class_index : int or target, or a list of them, optional
        The class c. If not given, the class with the highest score, the first of equals. Or a target: a callable that
        turns the scores into one number, such as a difference of two (see ``numpycam.targets``). For a batch, a class
        or target for all images, or a list with one for each.
    layer : str, optional
        The layer whose output is A; one inside of a network among the layers is named ``"block.conv"``. If not given,
        the network's ``target_layer``, or else its last Conv2d: its output *before* any ReLU, where negative cells have
        gradients too. The paper's authors take the maps after the ReLU, and it matters: name the ReLU to have those.
    check_finite : bool, default True
        Refuse an image with NaN or infinity. If False they pass, and are seen in the result.

    Returns
    -------
    Explanation

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or value or the image does not fit the network, if the layer does
        not exist or its output is not (N, K, H, W), if the class does not exist.

    Examples
    --------
    >>> from numpycam import worked_example
    >>> explanation = grad_cam(worked_example.network(), worked_example.IMAGE, class_index=0)
    >>> print(explanation.localization_map.astype(str))
    [['357/40' '0']
     ['129/8' '13/5']]
    """
    return _explain(gather(network, image, class_index, layer, check_finite))


def grad_cam_from_maps(feature_maps: ArrayLike, gradients: ArrayLike, *, check_finite: bool = True) -> Explanation:
    """Take steps 3 to 5 of Grad-CAM on given feature maps and gradient maps.

    Parameters
    ----------
    feature_maps : array, shape (K, H, W) or (N, K, H, W)
        A^k. Integers are converted to the dtype of the gradients.
    gradients : array, of the same shape
        dy^c/dA^k, floats or Fractions.
    check_finite : bool, default True
        Refuse NaN and infinity. If False they pass, and are seen in the result.

    Returns
    -------
    Explanation
        Its image, class_index, score, layer and network are None.

    Raises
    ------
    TypeError, ValueError
        If the arrays are not of that kind, or differ in shape.

    Examples
    --------
    >>> import numpy as np
    >>> feature_maps, gradients = np.array([[[1.0, -2.0]]]), np.array([[[4.0, 2.0]]])
    >>> grad_cam_from_maps(feature_maps, gradients).localization_map
    array([[3., 0.]])
    """
    return _explain(gather_maps(feature_maps, gradients, check_finite))


def _explain(evidence: Evidence) -> Explanation:
    """Take steps 3 to 5 of Grad-CAM."""
    alphas = compute_alphas(evidence.gradients)
    return Explanation.of(evidence, alphas, compute_weighted_maps(alphas, evidence.feature_maps))
