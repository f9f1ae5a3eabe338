"""Reads a picture from a PNG or JPEG file, as a person sees it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from numpycam.core.arrays import Array
from numpycam.files import check_path, is_device_or_pipe

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

FEW_PIXELS = 2**23  # enough for 4K
MOST_PIXELS = 100_000_000
PIXELS_OF_A_BYTE = 32
"""A file may have FEW_PIXELS, or as many as this for each of its bytes, and never more than MOST_PIXELS."""

MOST_SCANS = 100
"""A progressive JPEG file draws the whole picture anew in each scan. Cameras and programs write about ten."""

_DEPTHS = {"1": 1, "L;2": 2, "L;4": 4, "I;16B": 16, "RGB;16B": 16}  # bits of a sample, if they are not 8
_CONVERTED = {"1": "L", "P": "RGBA", "CMYK": "RGB"}


def read_image(path: str | os.PathLike[str]) -> NDArray[np.float64]:
    """Read a picture from a PNG or JPEG file, as a person sees it.

    Transparent pixels are laid over white. If the camera has marked a photograph as turned, it is turned back. Samples
    of 16 bits keep all of them. Samples are taken as they are: a gamma or a colour profile in the file is not applied.

    A small file cannot fill the memory. A picture of up to 2^23 pixels, enough for 4K, takes at most 500 MB and, on a
    computer of today, 2 s. A larger picture must have a file of at least one byte for each 32 pixels, as photographs
    have. It takes up to 40 bytes of memory for each pixel. More than 100 megapixels are not read.

    Parameters
    ----------
    path : path

    Returns
    -------
    array of float64, shape (1, H, W) or (3, H, W)
        Grey or colour, in 0 … 1.

    Raises
    ------
    ValueError
        If the file is not a PNG or JPEG picture, or is too large or damaged.
    OSError
        If the file cannot be read.
    """
    from PIL.JpegImagePlugin import JpegImageFile  # Pillow, which matplotlib brings along
    from PIL.PngImagePlugin import PngImageFile

    check_path("path", path)
    if is_device_or_pipe(path):
        raise ValueError(f"{path} is a device or a pipe: save the picture to a file, and pass that.")
    with open(path, "rb") as file:
        content = file.read(8)
        if content != b"\x89PNG\r\n\x1a\n" and not content.startswith(b"\xff\xd8\xff"):
            raise ValueError(f"{path} is not a PNG or JPEG picture.")
        content += file.read()

    def opened() -> "ImageFile":  # without Image.open, whose limits are those of the whole process
        kind = PngImageFile if content.startswith(b"\x89") else JpegImageFile
        return kind(BytesIO(content))  # a file would make room for as many bytes as a damaged length claims

    with _errors_as_damage(path):
        size = opened().size
    _check_limits(path, content, *size)
    with _errors_as_damage(path):
        return _over_white(*_samples(opened))


@contextmanager
def _errors_as_damage(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn what Pillow raises into a ValueError that says that the file is damaged."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:  # damaged bytes can make Pillow raise anything
        reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise ValueError(f"{path} is a damaged picture: {reason}.") from error


def _check_limits(path: str | os.PathLike[str], content: bytes, width: int, height: int) -> None:
    """Raise ValueError if decoding the picture would take more memory or time than its file lets one expect."""
    most = min(MOST_PIXELS, max(FEW_PIXELS, PIXELS_OF_A_BYTE * len(content)))
    if width * height > most:
        raise ValueError(
            f"{path} is too large: it has {height} × {width} pixels, and at most {most} are read from a file of "
            f"{len(content)} bytes. Make the picture smaller first."
        )
    if content.startswith(b"\xff") and content.count(b"\xff\xda") > MOST_SCANS:
        raise ValueError(f"{path} has more than {MOST_SCANS} scans: save the picture again, as PNG or plain JPEG.")


def _samples(opened: Callable[[], "ImageFile"]) -> tuple[Array, int, Any]:
    """Return the samples (H, W, C), their largest possible value, and the sample that is transparent, or None.

    C is 1 for grey and 3 for colour, or 2 and 4 if the opacity is the last sample.

    Pillow keeps 8 of 16 bits, except for plain grey. But it can be told how the bytes of a pixel lie. So colours are
    read twice: first the upper bytes, then the lower bytes, which are claimed to be the upper ones. A pixel of grey
    with opacity has four bytes. It is read as if it were red, green, blue and opacity of 8 bits.
    """
    picture = opened()
    form = str(picture.tile[0][3]) if picture.tile else ""  # how a pixel lies in the file
    if form == "LA;16B":
        return _pixels(_laid_as("RGBA", picture)).view(">u2"), 65535, None
    if form in ("RGB;16B", "RGBA;16B"):
        samples = _pixels(picture).astype(np.uint16)
        samples *= 256
        samples += _pixels(_laid_as(form.replace("16B", "16L"), opened()))
    else:
        samples = _pixels(picture)
        samples = samples[..., None] if samples.ndim == 2 else samples
    largest = 65535 if "16B" in form else 255
    hidden = picture.info.get("transparency")
    if hidden is None or picture.mode == "P":  # a palette has its own opacities
        return samples, largest, None
    mask = 2 ** _DEPTHS.get(form, 8) - 1  # PNG gives it in the sample's own depth, in the lowest bits of 16
    return samples, largest, (np.ravel(hidden) & mask) * (largest // mask)


def _laid_as(form: str, picture: "ImageFile") -> "ImageFile":
    """Return the picture, to be decoded as if its pixels lay in another form."""
    picture.tile = [(*picture.tile[0][:3], form)]  # type: ignore[list-item]  # plain tuples before Pillow 11
    return picture


def _pixels(picture: "ImageFile") -> Array:  # -> (H, W) or (H, W, C)
    """Decode a picture, and turn it as the camera says."""
    from PIL import ImageOps

    turned = ImageOps.exif_transpose(picture)
    return np.asarray(turned.convert(_CONVERTED[turned.mode]) if turned.mode in _CONVERTED else turned)


def _over_white(samples: Array, largest: int, hidden: Any) -> NDArray[np.float64]:  # (H, W, C) -> (1 or 3, H, W)
    """Return samples, with their largest value and the transparent one, as floats in 0 … 1, laid over white."""
    channels = np.moveaxis(samples, -1, 0)
    count = 1 if len(channels) <= 2 else 3
    colours: NDArray[np.float64] = np.divide(channels[:count], largest, dtype=np.float64)
    if len(channels) > count:
        opacity = np.divide(channels[count], largest, dtype=np.float64)
        colours *= opacity
        colours += np.subtract(1, opacity, out=opacity)
    if hidden is not None:
        np.copyto(colours, 1, where=(channels == hidden[:, None, None]).all(axis=0))
    return colours
