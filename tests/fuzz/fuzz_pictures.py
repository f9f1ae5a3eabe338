"""PNG and JPEG files, damaged: what is read is a picture in 0 … 1."""

import struct
import tempfile
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
from engine import FindingError, damaged, limits, refused, run_cases
from PIL import Image

from numpycam.display import read_image

RNG = np.random.default_rng(0)


def run(seconds, seed):
    originals = [*pictures()]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.png"

        def check(random):
            content = damaged(random, random.choice(originals))
            path.write_bytes(mended(content) if random.random() < 0.5 else content)
            try:
                with limits():
                    picture = read_image(path)
            except Exception as error:
                refused(error, ValueError, begins=f"{path} ")
                return
            if picture.ndim != 3 or len(picture) not in (1, 3) or not ((picture >= 0) & (picture <= 1)).all():
                raise FindingError(f"no picture: {picture.shape}, {picture.dtype}, {picture.min()}..{picture.max()}")

        return run_cases(seconds, seed, check)


def pictures():
    """Yield files of all kinds, as bytes."""
    grey, colour = (RNG.integers(0, 256, shape, dtype=np.uint8) for shape in ((9, 13), (9, 13, 4)))
    of_each = [Image.fromarray(grey), Image.fromarray(grey).convert("1"), Image.fromarray(grey).convert("LA")]
    of_each += [Image.fromarray(grey.astype(np.uint16) * 257), Image.fromarray(colour)]
    of_each += [Image.fromarray(colour[..., :3]), Image.fromarray(colour[..., :3]).quantize(7)]
    for picture in of_each:
        yield saved(picture, "PNG")
        yield saved(picture, "PNG", transparency=0) if picture.mode in "LP" else saved(picture, "PNG", dpi=(1, 1))
    for picture in (of_each[0], of_each[5], of_each[5].convert("CMYK")):
        yield saved(picture, "JPEG")
        yield saved(picture, "JPEG", progressive=True, exif=turned())


def saved(picture, kind, **options):
    buffer = BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def mended(content):
    """Return a PNG file whose check sums are right again, so that what is damaged is looked at."""
    whole, at = content[:8], 8
    while at + 8 <= len(content):
        length, _ = struct.unpack(">I4s", content[at : at + 8])
        body = content[at + 4 : at + 8 + length]
        whole += content[at : at + 4] + body + struct.pack(">I", zlib.crc32(body))
        at += 12 + length
        if length > len(content):
            break
    return whole
