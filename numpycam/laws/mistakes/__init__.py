"""The museum: mistakes that people make, as functions that make them. To import it is to write them into the books.

A mistake is as small as it can be: the right function with one thing changed. The specific ones come before the
general ones, since the first that explains all cases is named.
"""

from numpycam.laws.mistakes import cams, convolution, layers, networks, pictures, pooling

__all__ = ["cams", "convolution", "layers", "networks", "pictures", "pooling"]
