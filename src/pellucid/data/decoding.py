"""One picture from its file to bytes of a wanted size. Training and `predict` both come here, so they see the same."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from pellucid.errors import DataError

GREY_MODES = ("1", "L")
ORIENTATION, QUARTER_TURNS = 0x0112, (5, 6, 7, 8)
"""EXIF's tag of how the camera was held, and its values for which height and width change places."""
WRONG = (
    UnidentifiedImageError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,  # where warnings are errors
    OSError,
    MemoryError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    ArithmeticError,
    AttributeError,
    TypeError,
    struct.error,
)
"""What Pillow raises of damaged files, and of one that says it is larger than the memory."""


class Header(NamedTuple):
    """What a file says of its picture before any of it is decoded: as it will stand, after EXIF's turn."""

    is_grey: bool
    height: int
    width: int


def header(path: Path) -> Header:
    """Read the header of a picture; raise `DataError` where it is none."""
    try:
        with Image.open(path) as image:
            _check(image)
            return Header(image.mode in GREY_MODES, *_upright_size(image))
    except DataError:
        raise
    except WRONG as error:
        raise DataError(f"it is not a picture that can be decoded: {str(error) or type(error).__name__}") from None


def decode(path: Path, shape: tuple[int, ...]) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Return a picture as `[channels, height, width]` in 0 to 255, and the height and width that it had.

    It is turned upright as its EXIF says; what is transparent lies on white; CMYK and palettes become RGB; of an
    animation the first frame is taken. It is resized bilinearly, without keeping its proportions.

    Args:
        path: of a file.
        shape: channels (1 for grey, 3 for RGB), height and width in pixels.

    Raises:
        DataError: it cannot be decoded, is cut short, has more than 8 bits per value, or more pixels than
            `PIL.Image.MAX_IMAGE_PIXELS`.
    """
    channels, height, width = shape
    try:
        with Image.open(path) as opened:
            _check(opened)
            size = _upright_size(opened)
            turned = size != (opened.height, opened.width)
            # A JPEG can be decoded at a half, a quarter or an eighth. Twice the wanted size leaves bilinear its work.
            opened.draft(None, (2 * height, 2 * width) if turned else (2 * width, 2 * height))
            image = _on_white(ImageOps.exif_transpose(opened)).convert("L" if channels == 1 else "RGB")
    except DataError:
        raise
    except WRONG as error:
        raise DataError(f"it is not a picture that can be decoded: {str(error) or type(error).__name__}") from None
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    pixels = np.asarray(image, dtype=np.uint8).reshape(height, width, channels).transpose(2, 0, 1)
    return np.ascontiguousarray(pixels), size


def _check(image: Image.Image) -> None:
    """Refuse what would have to be guessed, and what would fill the memory."""
    if image.mode.startswith(("I", "F")):
        raise DataError(f"it has the mode {image.mode}, more than 8 bits per value. Save it with 8, or give a .npy.")
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and image.width * image.height > limit:
        raise DataError(
            f"it is said to have {image.width}x{image.height} pixels, more than {limit:,}: a decompression bomb? "
            "Save it smaller, or raise PIL.Image.MAX_IMAGE_PIXELS."
        )


def _upright_size(image: Image.Image) -> tuple[int, int]:
    """Height and width after EXIF's turn."""
    turned = image.getexif().get(ORIENTATION) in QUARTER_TURNS
    return (image.width, image.height) if turned else (image.height, image.width)


def _on_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image.convert("RGBA"))
