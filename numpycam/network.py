"""numpycam.Network: the core's network, with what it is for, summary, save and load."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from inspect import cleandoc
from os import PathLike
from typing import TYPE_CHECKING, Any, Self

from numpycam.about import About
from numpycam.core import network
from numpycam.core.arrays import IntOrPair, Shape

if TYPE_CHECKING:
    from numpycam.summary import Summary


@dataclass(frozen=True, eq=False, repr=False)
class Network(network.Network):
    __doc__ = cleandoc(str(network.Network.__doc__)).replace(
        "\n\nNotes\n",
        "\nabout : About, optional\n    What the network is for: see :class:`numpycam.about.About`.\n\nNotes\n",
        1,
    )

    about: About = field(default_factory=About)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.about, About):
            raise TypeError(f"about must be an About, such as About('Birds.'), got {type(self.about).__name__}.")

    def summary(self, input_shape: Shape) -> "Summary":
        """Return a table of layers, output shapes, parameters and multiply-adds, and what the network is for.

        Parameters
        ----------
        input_shape : tuple of int
            The shape of one image, (C, H, W). All shapes and counts of the table are for one image.

        Returns
        -------
        Summary
            A table that prints itself, and shows itself in a notebook.

        Raises
        ------
        TypeError, ValueError
            If it is no shape of an image, or such an image does not fit a layer.
        """
        from numpycam.summary import Summary

        return Summary.of(self, input_shape)

    def save(
        self,
        path: str | PathLike[str],
        about: str | None = None,
        *,
        mean: float | Sequence[float] | None = None,
        std: float | Sequence[float] | None = None,
        size: IntOrPair | None = None,
        class_names: Sequence[str] | None = None,
    ) -> None:
        """Write the network to a file, a .npz without pickle: see :func:`numpycam.storage.save`.

        Parameters
        ----------
        path : path
            The file gets exactly this name.
        about : str, optional
            What the network was trained on. The file also stores the rest of the network's ``about``: what is given
            here takes the place of what stands there.
        mean, std, size, class_names : optional
            See :class:`numpycam.about.About`. ``numpycam explain`` uses them unless told otherwise.

        Raises
        ------
        TypeError, ValueError
            If an argument has the wrong type or value, or a file cannot hold one of the layers.
        OSError
            If the file cannot be written. A file that was there before is then still whole.
        """
        from numpycam.storage import save

        given: dict[str, Any] = {"text": about, "mean": mean, "std": std, "size": size, "class_names": class_names}
        told = {name: value for name, value in given.items() if value is not None}
        network = replace(self, about=replace(self.about, **told)) if told else self
        save(network, path, Network)  # not type(self): a file cannot hold the code of a subclass

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Read a network from a file that :meth:`save` wrote: see :func:`numpycam.storage.load`.

        Parameters
        ----------
        path : path
            The file. Nothing in it is executed.

        Returns
        -------
        Network

        Raises
        ------
        ValueError
            If the file is damaged, or holds something else.
        OSError
            If the file cannot be read.
        """
        from numpycam.storage import load

        return load(path, cls)
