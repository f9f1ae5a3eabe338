"""Pictures as arrays: the overlay, bytes, and what is read from files."""

from zlib import crc32

import numpy as np
import pytest
from helpers import refusal, rounding, same
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageCms

from numpycam.display import as_uint8, overlay, read_image

RNG = np.random.default_rng(0)
COLOURS = RNG.integers(0, 256, (12, 10, 3), dtype=np.uint8)  # (H, W, 3)
GREYS = COLOURS[..., 0]
ALPHA = RNG.integers(0, 256, (12, 10), dtype=np.uint8)

unit = st.floats(0, 1, width=32)

# --- The overlay, and bytes -------------------------------------------------------------------------


@pytest.mark.law("over.convex")
@given(hnp.arrays(np.float64, (3, 2, 4), elements=unit), hnp.arrays(np.float64, (2, 4), elements=unit), unit)
def test_the_overlay_lies_between_the_image_and_the_coloured_map(image, heat, strength):
    """The overlay lies between the image and the coloured map; strength 0 and 1 are the two."""
    picture, colours = np.moveaxis(image, 0, -1), overlay(image, heat, strength=1)
    mixed = overlay(image, heat, strength)
    ulps = float(rounding(4))  # 1 - s, two products and their sum; all numbers are at most 1
    assert (np.minimum(picture, colours) - ulps <= mixed).all()
    assert (mixed <= np.maximum(picture, colours) + ulps).all()
    assert (overlay(image, heat, strength=0) == picture).all()


def test_overlay_takes_grey_and_bytes():
    heat = np.zeros((1, 2))
    grey, bytes_ = np.array([[[0.0, 1.0]]]), np.array([[[0, 255]]], dtype=np.uint8)
    assert overlay(grey, heat, 0).tolist() == overlay(bytes_, heat, 0).tolist() == [[[0, 0, 0], [1, 1, 1]]]


def test_bytes_are_clipped_rounded_and_then_cast():
    assert as_uint8([[-0.1, 0.5, 1.0, 1.01]]).tolist() == [[0, 128, 255, 255]]
    assert as_uint8([[-0.1, 0.5, 1.0, 1.01]]).dtype == np.uint8
    assert as_uint8(np.array([0, 128, 255], np.uint8)).tolist() == [0, 128, 255]


@pytest.mark.parametrize(
    ("image", "heat", "options", "message"),
    [
        (
            np.ones((1, 4, 4)),
            np.ones((2, 2)),
            {},
            "heat must have the image's size (4, 4), got shape (2, 2): resize it.",
        ),
        (
            np.ones((1, 2, 2)),
            np.full((2, 2), 16.125),
            {},
            "heat must lie in 0..1, got 16.125..16.125: normalise a map without negative cells.",
        ),
        (
            np.full((1, 2, 2), 255.0),
            np.ones((2, 2)),
            {},
            "image must lie in 0..1, got 255..255: divide it by its largest possible value.",
        ),
        (
            np.ones((2, 2)),
            np.ones((2, 2)),
            {},
            "image must have shape (1, H, W) or (3, H, W), got (2, 2); for one channel pass image[None].",
        ),
        (
            np.ones((2, 2, 2)),
            np.ones((2, 2)),
            {},
            "image must have shape (1, H, W) or (3, H, W), got (2, 2, 2); channels come first.",
        ),
        (np.ones((1, 2, 2)), np.ones((2, 2)), {"strength": 1.5}, "strength must be in 0..1, got 1.5."),
        (
            np.ones((1, 1, 1)),
            np.full((1, 1), np.nan),
            {},
            "heat contains NaN at index (0, 0).",
        ),
    ],
)
def test_what_cannot_be_overlaid(image, heat, options, message):
    assert refusal(ValueError, lambda: overlay(image, heat, **options)) == message


# --- Reading pictures -------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def channels_first(picture):
    return np.moveaxis(picture, -1, 0) / 255


def over_white(colours, alpha):
    return (colours / 255 * (alpha / 255)[..., None] + (1 - alpha / 255)[..., None]).transpose(2, 0, 1)


def reread(picture, name="file.png", **options):
    picture.save(name, **options)
    return read_image(name)


def test_grey_stays_grey_and_colour_has_its_channels_first(folder):
    assert same(reread(Image.fromarray(COLOURS)), channels_first(COLOURS))
    assert same(reread(Image.fromarray(GREYS)), GREYS[None] / 255)
    assert same(reread(Image.fromarray(GREYS > 99)), (GREYS[None] > 99) * 1.0)


def test_what_is_transparent_lies_over_white(folder):
    assert same(reread(Image.fromarray(np.dstack([COLOURS, ALPHA]))), over_white(COLOURS, ALPHA))
    grey = np.dstack([GREYS, ALPHA])
    assert same(reread(Image.fromarray(grey)), over_white(GREYS[..., None], ALPHA))
    hidden = (COLOURS[3, 4] == COLOURS).all(axis=-1)
    expected = np.where(hidden, 1.0, channels_first(COLOURS))
    assert same(reread(Image.fromarray(COLOURS), transparency=tuple(map(int, COLOURS[3, 4]))), expected)
    expected = np.where(GREYS[3, 4] == GREYS, 1.0, GREYS / 255)[None]
    assert same(reread(Image.fromarray(GREYS), transparency=int(GREYS[3, 4])), expected)


def test_a_palette_is_looked_up(folder):
    palette = Image.fromarray(COLOURS).quantize(7)
    expected = channels_first(np.asarray(palette.convert("RGB")))
    assert same(reread(palette), expected)
    hidden = np.asarray(palette) == 2
    assert same(reread(palette, transparency=2), np.where(hidden, 1.0, expected))


def test_sixteen_bits_are_divided_by_their_largest_value(folder):
    deep = np.array([[0, 1, 255], [256, 40_000, 65_535]], np.uint16)
    assert same(reread(Image.fromarray(deep)), deep[None] / 65535)
    write_with_transparency(deep, 40_000)
    assert same(read_image("file.png"), np.where(deep == 40_000, 1.0, deep / 65535)[None])


def write_with_transparency(deep, value):
    """Insert the chunk that says which grey is transparent, before the pixels: Pillow writes none for 16 bits."""
    Image.fromarray(deep).save("file.png")
    with open("file.png", "rb") as file:
        content = file.read()
    chunk, place = b"tRNS" + value.to_bytes(2, "big"), content.index(b"IDAT") - 4
    chunk = (2).to_bytes(4, "big") + chunk + crc32(chunk).to_bytes(4, "big")
    with open("file.png", "wb") as file:
        file.write(content[:place] + chunk + content[place:])


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_is_read_up_to_a_few_steps(folder, mode):
    flat = Image.new("RGB", (9, 7), (250, 100, 20)).convert(mode)
    picture = reread(flat, "file.jpg", quality=95)
    assert picture.shape == ((1 if mode == "L" else 3), 7, 9)
    expected = channels_first(np.asarray(flat.convert("RGB")))[: len(picture)]
    assert np.abs(picture - expected).max() <= 3 / 255  # of flat colours JPEG keeps all but a few steps


def test_photographs_are_turned_as_the_camera_says(folder):
    exif = Image.Exif()
    exif[0x0112] = 6  # the top of the picture is on its right
    turned = reread(Image.fromarray(COLOURS), exif=exif)
    assert same(turned, channels_first(np.rot90(COLOURS, -1)))


def test_colour_profiles_do_not_matter(folder):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert same(reread(Image.fromarray(COLOURS), icc_profile=profile), channels_first(COLOURS))


def test_a_damaged_picture_is_refused_or_read(folder):
    """Cut it at any place, change any byte: there is a picture, or one ValueError."""
    Image.fromarray(COLOURS[:4, :3]).save("file.png")
    content = (folder / "file.png").read_bytes()
    damaged = [content[:n] for n in range(len(content))]
    damaged += [content[:n] + bytes([content[n] ^ 255]) + content[n + 1 :] for n in range(len(content))]
    for bytes_ in damaged:
        (folder / "file.png").write_bytes(bytes_)
        assert read_or_refused() in {"is not a PNG or JPEG picture", "is a damaged picture", (3, 4, 3)}


def read_or_refused():
    try:
        return read_image("file.png").shape
    except ValueError as error:
        return str(error).removeprefix("file.png ").split(":")[0].rstrip(".")
