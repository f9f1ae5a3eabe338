"""Pictures that are read from files: what they hold, and what is refused.

The PNG files are written here, byte by byte. So what is expected comes from the PNG specification, not from Pillow.
"""

import os
import re
import struct
import subprocess
import sys
from itertools import product
from zlib import compress, crc32

import numpy as np
import pytest
from helpers import refusal, same, some
from PIL import Image, ImageCms

from numpycam.display import read_image
from numpycam.display.reading import FEW_PIXELS, MOST_PIXELS, MOST_SCANS, PIXELS_OF_A_BYTE

RNG = np.random.default_rng(0)
COLOURS = RNG.integers(0, 256, (12, 10, 3), dtype=np.uint8)  # (H, W, 3)
GREYS = COLOURS[..., 0]
ALPHA = RNG.integers(0, 256, (12, 10), dtype=np.uint8)

GREY, COLOUR, PALETTE, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 3, 4, 6  # the colour types of PNG
CHANNELS = {GREY: 1, COLOUR: 3, PALETTE: 1, GREY_ALPHA: 2, COLOUR_ALPHA: 4}
# The passes of an interlaced file: the first row and column, and the steps between rows and between columns.
PASSES = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc32(name + data))


def header(height, width, depth, kind, interlaced=False):
    start = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlaced)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", start)


def rows(samples, depth):  # (H, W, C)
    """The rows as PNG lays them: a filter byte of 0, then the bits of the samples, filled up to a whole byte."""
    lines = samples.reshape(len(samples), np.prod(samples.shape[1:], dtype=int))
    bits = lines[..., None] >> np.arange(depth)[::-1] & 1
    return b"".join(b"\0" + np.packbits(line).tobytes() for line in bits if line.size)


def png(samples, depth, kind, chunks=b"", interlaced=False):
    values = np.asarray(samples)
    values = values[..., None] if values.ndim == 2 else values
    parts = [values[i::di, j::dj] for i, j, di, dj in PASSES] if interlaced else [values]
    content = chunk(b"IDAT", compress(b"".join(rows(part, depth) for part in parts))) + chunk(b"IEND", b"")
    return header(*values.shape[:2], depth, kind, interlaced) + chunks + content


def read(content, name="file.png"):
    with open(name, "wb") as file:
        file.write(content)
    return read_image(name)


def transparent(*sample):
    return chunk(b"tRNS", struct.pack(f">{len(sample)}H", *sample))


def channels_first(picture):
    return np.moveaxis(picture, -1, 0) / 255


def over_white(colours, alpha, largest=255):
    opacity = (alpha / largest)[..., None]
    return (colours / largest * opacity + (1 - opacity)).transpose(2, 0, 1)


def reread(picture, name="file.png", **options):
    picture.save(name, **options)
    return read_image(name)


# --- What a file holds ------------------------------------------------------------------------------


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(
    ("kind", "depth"),
    [*((GREY, depth) for depth in (1, 2, 4)), *product((GREY, COLOUR, GREY_ALPHA, COLOUR_ALPHA), (8, 16))],
)
def test_every_kind_of_png_is_read_with_all_its_bits_over_white(kind, depth, interlaced):
    largest, channels = 2**depth - 1, CHANNELS[kind]
    samples = RNG.integers(0, largest + 1, (9, 11, channels))
    samples[0, :3] = [[0], [largest], [largest // 2]]
    found = read(png(samples, depth, kind, interlaced=interlaced))
    colours, alpha = samples[..., : 1 if channels <= 2 else 3], np.full((9, 11), largest)
    assert same(found, over_white(colours, alpha if channels in (1, 3) else samples[..., -1], largest))


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_one_grey_is_transparent_in_the_depth_of_its_samples(depth):
    largest = 2**depth - 1
    samples = np.linspace(0, largest, min(largest + 1, 256), dtype=int).reshape(2, -1)  # the steps are whole
    for hidden in {0, 1, largest // 3, largest}:
        expected = np.where(samples == hidden, 1.0, samples / largest)
        assert same(read(png(samples, depth, GREY, transparent(hidden))), expected[None])


def test_of_a_transparent_sample_the_lowest_bits_count():
    """The specification: "the least significant bits are used"."""
    assert read(png([[0, 1, 2, 3]], 2, GREY, transparent(0xFF01))).tolist() == [[[0, 1, 2 / 3, 1]]]


@pytest.mark.parametrize("depth", [8, 16])
def test_one_colour_is_transparent_and_those_near_it_are_not(depth):
    largest, hidden = 2**depth - 1, np.array([1000, 500, 64_535]) >> 16 - depth
    samples = np.array(
        [[hidden, hidden + np.array([1, 0, 0]), hidden - np.array([0, 0, 1])], [hidden[::-1], hidden, hidden * 0]]
    )
    expected = np.where((samples == hidden).all(axis=-1, keepdims=True), 1.0, samples / largest)
    assert same(read(png(samples, depth, COLOUR, transparent(*map(int, hidden)))), np.moveaxis(expected, -1, 0))


def test_grey_with_opacity_stays_grey_and_keeps_sixteen_bits():
    samples = np.array([[[1000, 65_535], [1000, 0], [65_535, 77]]])
    found = read(png(samples, 16, GREY_ALPHA))
    assert found.shape == (1, 1, 3)
    assert found[0, 0].tolist() == [1000 / 65_535, 1, 1]


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_a_palette_is_looked_up_with_its_opacities(depth):
    """Colours without an opacity are opaque: tRNS may be shorter than the palette."""
    count = 2**depth
    palette, opacities = RNG.integers(0, 256, (count, 3)), np.full(count, 255)
    opacities[: count // 2] = RNG.integers(0, 256, count // 2)
    index = np.arange(count).reshape(2, -1)
    chunks = chunk(b"PLTE", bytes(palette.ravel().tolist())) + chunk(b"tRNS", bytes(opacities[: count // 2].tolist()))
    assert same(read(png(index, depth, PALETTE, chunks)), over_white(palette[index], opacities[index]))


def test_one_colour_of_a_palette_is_transparent():
    palette = Image.fromarray(COLOURS).quantize(7)
    expected = channels_first(np.asarray(palette.convert("RGB")))
    assert same(reread(palette), expected)
    hidden = np.asarray(palette) == 2
    assert same(reread(palette, transparency=2), np.where(hidden, 1.0, expected))


def test_grey_stays_grey_and_colour_has_its_channels_first():
    assert same(reread(Image.fromarray(COLOURS)), channels_first(COLOURS))
    assert same(reread(Image.fromarray(GREYS)), GREYS[None] / 255)
    assert same(reread(Image.fromarray(GREYS > 99)), (GREYS[None] > 99) * 1.0)


def test_what_is_transparent_lies_over_white():
    assert same(reread(Image.fromarray(np.dstack([COLOURS, ALPHA]))), over_white(COLOURS, ALPHA))
    grey = np.dstack([GREYS, ALPHA])
    assert same(reread(Image.fromarray(grey)), over_white(GREYS[..., None], ALPHA))


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_is_read_up_to_a_few_steps(mode, progressive):
    flat = Image.new("RGB", (9, 7), (250, 100, 20)).convert(mode)
    picture = reread(flat, "file.jpg", quality=95, progressive=progressive)
    assert picture.shape == ((1 if mode == "L" else 3), 7, 9)
    expected = channels_first(np.asarray(flat.convert("RGB")))[: len(picture)]
    assert np.abs(picture - expected).max() <= 3 / 255  # of flat colours JPEG keeps all but a few steps


def test_photographs_are_turned_as_the_camera_says():
    exif = Image.Exif()
    exif[0x0112] = 6  # the top of the picture is on its right
    turned = reread(Image.fromarray(COLOURS), exif=exif)
    assert same(turned, channels_first(np.rot90(COLOURS, -1)))


@pytest.mark.parametrize(("kind", "depth"), [(GREY, 16), (GREY_ALPHA, 16), (COLOUR, 16), (PALETTE, 8)])
def test_what_pillow_does_not_decode_by_itself_is_turned_too(kind, depth):
    samples = RNG.integers(0, 2**depth, (4, 3, CHANNELS[kind]))
    palette = chunk(b"PLTE", bytes(range(256)) * 3)
    orientation = struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, 0x0112, 3, 1, 6, 0, 0)
    upright = read(png(np.rot90(samples, -1), depth, kind, palette))
    assert same(read(png(samples, depth, kind, palette + chunk(b"eXIf", orientation))), upright)


def test_colour_profiles_do_not_matter():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert same(reread(Image.fromarray(COLOURS), icc_profile=profile), channels_first(COLOURS))


# --- What is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize(("height", "width"), [(9000, 9001), (20_000, 20_001)])
def test_a_picture_that_is_too_large_for_its_file_is_refused_by_its_header(height, width, recwarn):
    content = header(height, width, 8, GREY) + chunk(b"IDAT", b"not even pixels") + chunk(b"IEND", b"")
    assert refusal(ValueError, lambda: read(content)) == (
        f"file.png is too large: it has {height} × {width} pixels, and at most {FEW_PIXELS} are read from a file of "
        f"{len(content)} bytes. Make the picture smaller first."
    )
    assert not recwarn.list


def test_a_larger_file_may_have_a_larger_picture_up_to_a_limit():
    """The files hold no pixels: so what is not too large is damaged."""
    for side, reason in ((3000, "is a damaged picture"), (10_001, f"at most {MOST_PIXELS} are read from a file of")):
        filled = chunk(b"teSt", bytes(side * side // PIXELS_OF_A_BYTE))
        content = header(side, side, 8, GREY) + chunk(b"IDAT", b"") + filled + chunk(b"IEND", b"")
        assert reason in refusal(ValueError, lambda content=content: read(content))


CHILD = """
import resource, sys
import numpycam.display
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
resource.setrlimit(resource.RLIMIT_DATA, (int(sys.argv[2]), int(sys.argv[2])))
print(numpycam.display.read_image(sys.argv[1]).shape)
"""


def in_a_small_memory(name, megabytes):
    command = [sys.executable, "-c", CHILD, name, str(megabytes * 10**6)]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory of a process")
@pytest.mark.parametrize(("kind", "depth"), some([(PALETTE, 8), (COLOUR, 16), (COLOUR_ALPHA, 16)]))
def test_the_largest_picture_of_a_small_file_takes_at_most_500_megabytes(kind, depth):
    row = bytes(1 + 4096 * CHANNELS[kind] * depth // 8)
    extra = chunk(b"PLTE", bytes(768)) if kind == PALETTE else transparent(0, 0, 0) if kind == COLOUR else b""
    content = header(2048, 4096, depth, kind) + extra + chunk(b"IDAT", compress(row * 2048)) + chunk(b"IEND", b"")
    with open("file.png", "wb") as file:
        file.write(content)
    ended = in_a_small_memory("file.png", 500)
    assert (ended.stdout, ended.stderr) == ("(3, 2048, 4096)\n", "")


def test_a_jpeg_with_very_many_scans_is_refused():
    Image.new("L", (9, 7)).save("file.jpg", progressive=True)
    with open("file.jpg", "rb") as file:
        *before, last = file.read().split(b"\xff\xda")
    content = b"\xff\xda".join([*before, *[last[:-2]] * MOST_SCANS, last])
    assert refusal(ValueError, lambda: read(content, "file.jpg")) == (
        f"file.jpg has more than {MOST_SCANS} scans: save the picture again, as PNG or plain JPEG."
    )
    content = b"\xff\xda".join([*before, *[last[:-2]] * (MOST_SCANS - len(before)), last])
    assert read(content, "file.jpg").shape == (1, 7, 9)


def test_a_png_has_no_scans_whatever_bytes_are_in_it():
    assert read(png([[0, 1, 2]], 8, GREY, chunk(b"teSt", b"\xff\xda" * 2 * MOST_SCANS))).shape == (1, 1, 3)


def test_what_is_not_the_files_fault_is_not_blamed_on_it(monkeypatch):
    def fail(*_):
        raise MemoryError

    monkeypatch.setattr("numpycam.display.reading._pixels", fail)
    with pytest.raises(MemoryError):
        read(png([[0, 1, 2]], 8, GREY))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_what_is_no_file_is_refused_at_once(folder):
    os.mkfifo("pipe")
    for name in ("pipe", "/dev/zero"):
        assert refusal(ValueError, lambda name=name: read_image(name)) == (
            f"{name} is a device or a pipe: save the picture to a file, and pass that."
        )
    for name in (folder, "nothing"):
        with pytest.raises(OSError, match=re.escape(str(name))):
            read_image(name)
    for content in (b"", "text".encode("utf-16-le"), b"\xff\xfe in UTF-16"):
        assert refusal(ValueError, lambda content=content: read(content)) == "file.png is not a PNG or JPEG picture."


def damaged(content, count):
    """Flip, cut, repeat, remove and blow up bytes of a file."""
    rng = np.random.default_rng(1)
    for number in range(count):
        start, length = (int(n) for n in rng.integers(0, [len(content), 9]))
        end, rest = start + length + 1, content[:start]
        part = content[start:end]
        yield (
            rest
            + [
                bytes([part[0] ^ 1 << number % 8]) + content[start + 1 :],
                b"",
                part * 3 + content[end:],
                content[end:],
                rng.bytes(length) + content[end:],
                b"\xff\xff\xff\xff"[: length + 1] + content[end:],
            ][number % 6]
        )


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # of what the camera wrote, if that is damaged
@pytest.mark.parametrize("form", ["png", "deep", "palette", "jpg", "progressive"])
def test_a_damaged_picture_is_refused_in_a_sentence_or_read(form):
    """There is a picture, or one ValueError, of one sentence, that names the file."""
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.fromarray(COLOURS[:4, :3])
    if form == "deep":
        content = png(COLOURS[:4, :3].astype(int) * 257, 16, COLOUR, transparent(1, 2, 3), interlaced=True)
    else:
        shown = picture.quantize(7) if form == "palette" else picture
        shown.save(
            "file", "png" if form in ("png", "palette") else "jpeg", exif=exif, progressive=form == "progressive"
        )
        with open("file", "rb") as file:
            content = file.read()
    outcomes = [read_or_refused(bytes_) for bytes_ in damaged(content, 400)]
    assert {type(outcome) for outcome in outcomes} == {np.ndarray, str}
    for outcome in outcomes:
        if isinstance(outcome, str):
            assert re.fullmatch(r"file (is|has) [^\n]*[^.\n]\.", outcome)
        else:
            assert outcome.shape in {(3, 4, 3), (3, 3, 4)}
            assert outcome.min() >= 0
            assert outcome.max() <= 1


def read_or_refused(content):
    try:
        return read(content, "file")
    except ValueError as error:
        return str(error)
