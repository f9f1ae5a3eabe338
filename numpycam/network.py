"""numpycam.Network: the core's network, with summary, save and load."""

from os import PathLike
from typing import TYPE_CHECKING, Self

from numpycam.core import network
from numpycam.core.arrays import Shape

if TYPE_CHECKING:
    from numpycam.summary import Summary


class Network(network.Network):
    __doc__ = network.Network.__doc__

    def summary(self, input_shape: Shape) -> "Summary":
        """Return a table of layers, output shapes, parameters and multiply-adds.

        Parameters
        ----------
        input_shape : tuple of int
            The shape of one image, (C, H, W). All shapes and counts of the table are for one image.
        """
        from numpycam.summary import Summary

        return Summary.of(self, input_shape)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the network to a file, a .npz without pickle: see :func:`numpycam.storage.save`."""
        from numpycam.storage import save

        save(self, path, Network)  # not type(self): a file cannot hold the code of a subclass

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Read a network from a file that :meth:`save` wrote: see :func:`numpycam.storage.load`."""
        from numpycam.storage import load

        return load(path, cls)
