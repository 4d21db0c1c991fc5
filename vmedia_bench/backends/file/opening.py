"""Which reader a file needs: by what it begins with, by its name, or by what the options say."""

from __future__ import annotations

import stat
import warnings
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from PIL import UnidentifiedImageError

from vmedia_bench.backends.file import mjpeg, stored
from vmedia_bench.backends.file.media import MediaError, NoMediaError, Reader
from vmedia_bench.backends.file.options import FileOptions
from vmedia_bench.backends.file.still import StillReader

_RAW_SUFFIXES: Final = frozenset(
    (".yuv", ".raw", ".nv12", ".yuyv", ".rgb", ".bgr", ".gray", ".i420")
)
_MAX_RATE: Final = 1000


def open_media(options: FileOptions) -> Reader:
    """Open a file; MediaError with one line for what cannot be played."""
    path = options.path
    begin = _beginning(path)
    if not begin:
        raise MediaError(f"{path}: an empty file")
    rate = Fraction(options.raw_fps).limit_denominator(_MAX_RATE + 1)
    if options.raw_format is not None and options.raw_size is not None:
        return stored.RawReader(path, options.raw_format, options.raw_size, rate)
    if begin == stored.Y4M_MAGIC:
        return stored.Y4mReader(path)
    if path.suffix.lower() in mjpeg.SUFFIXES:
        return mjpeg.MjpegReader(path, rate)
    return _picture(path) or _video(path)


def _beginning(path: Path) -> bytes:
    """Read the first bytes; whatever might keep its readers waiting is refused unopened."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise MediaError(f"{path}: a folder, not a file")
        if not stat.S_ISREG(mode):
            raise MediaError(f"{path}: not a regular file")
        with path.open("rb") as file:
            return file.read(len(stored.Y4M_MAGIC))
    except OSError as error:
        raise NoMediaError(f"{path}: cannot be read: {error.strerror}") from error


def _picture(path: Path) -> Reader | None:
    """Try Pillow; None when it knows no such format."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return StillReader(path)
    except UnidentifiedImageError:
        return None
    except (OSError, SyntaxError, ValueError) as error:
        raise MediaError(f"{path}: cannot be decoded: {error}") from error


def _video(path: Path) -> Reader:
    if path.suffix.lower() in _RAW_SUFFIXES:
        raise MediaError(f"{path}: raw frames? Say what they are with raw_format and raw_size")
    if find_spec("av") is None:
        raise MediaError(
            f"{path}: not a picture, GIF, Y4M or MJPEG file; other videos need PyAV: "
            "pip install 'vmedia-bench[av]'"
        )
    from vmedia_bench.backends.file.container import ContainerReader

    return ContainerReader(path)
