"""Files to play, made on the spot, of pictures whose every frame can be told from the others."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Rgb = npt.NDArray[np.uint8]

WIDTH, HEIGHT = 320, 240


def picture(number: int, width: int = WIDTH, height: int = HEIGHT) -> Rgb:
    """A smooth coloured picture, and in its middle a square whose grey says `number` (0..24)."""
    x = np.linspace(0, 1, width)[None, :]
    y = np.linspace(0, 1, height)[:, None]
    pixels = np.empty((height, width, 3))
    pixels[..., 0] = 60 + 120 * x
    pixels[..., 1] = 60 + 120 * y
    pixels[..., 2] = 120 + 60 * np.cos(math.pi * (x + y))
    pixels[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4] = level(number)
    return pixels.astype(np.uint8)


def level(number: int) -> int:
    """The grey of a frame's square."""
    return 20 + 9 * (number % 25)


def number_of(pixels: Rgb) -> int:
    """Which picture it is, by the square in its middle."""
    height, width, _ = pixels.shape
    middle = pixels[3 * height // 8 : 5 * height // 8, 3 * width // 8 : 5 * width // 8]
    return round((float(middle.mean()) - 20) / 9)


def psnr(one: Rgb, other: Rgb) -> float:
    """Peak signal-to-noise ratio in dB."""
    error = float(np.mean((one.astype(np.float64) - other.astype(np.float64)) ** 2))
    return math.inf if not error else 10 * math.log10(255**2 / error)


def limited_ycbcr(pixels: Rgb) -> tuple[Rgb, Rgb, Rgb]:
    """Y, Cb and Cr of BT.601 in limited range, chroma by halves in both directions."""
    red, green, blue = (pixels[..., at].astype(np.float64) / 255 for at in range(3))
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    cb, cr = (blue - luma) / 1.772, (red - luma) / 1.402

    def halved(plane: npt.NDArray[np.float64]) -> Rgb:
        height, width = plane.shape
        mean = plane.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
        rounded: Rgb = np.rint(128 + 224 * mean).astype(np.uint8)
        return rounded

    return np.rint(16 + 219 * luma).astype(np.uint8), halved(cb), halved(cr)


def yu12(pixels: Rgb) -> bytes:
    """A frame of YU12."""
    return b"".join(plane.tobytes() for plane in limited_ycbcr(pixels))


def nv12(pixels: Rgb) -> bytes:
    """A frame of NV12."""
    luma, cb, cr = limited_ycbcr(pixels)
    return luma.tobytes() + np.stack([cb, cr], axis=-1).tobytes()


def write_y4m(path: Path, frames: Iterable[Rgb], rate: str = "25:1") -> Path:
    """A Y4M file of 4:2:0 frames."""
    with path.open("wb") as file:
        for at, frame in enumerate(frames):
            height, width, _ = frame.shape
            if not at:
                file.write(f"YUV4MPEG2 W{width} H{height} F{rate} Ip A1:1 C420jpeg\n".encode())
            file.write(b"FRAME\n" + yu12(frame))
    return path


def write_gif(path: Path, frames: Sequence[Rgb], delay_ms: int = 40) -> Path:
    """An animated GIF."""
    images = [Image.fromarray(frame) for frame in frames]
    images[0].save(path, save_all=True, append_images=images[1:], duration=delay_ms, loop=0)
    return path


def write_mjpeg(path: Path, frames: Iterable[Rgb]) -> Path:
    """JPEGs one after another."""
    with path.open("wb") as file:
        for frame in frames:
            Image.fromarray(frame).save(file, "JPEG", quality=95)
    return path


def gigantic_jpeg() -> bytes:
    """A JPEG whose header says 65535 x 65535 pixels."""
    packed = io.BytesIO()
    Image.new("RGB", (16, 16)).save(packed, "JPEG")
    data = bytearray(packed.getvalue())
    size_at = data.index(b"\xff\xc0") + 5
    data[size_at : size_at + 4] = b"\xff" * 4
    return bytes(data)


def write_video(
    path: Path,
    frames: Sequence[Rgb],
    codec: str = "libx264",
    *,
    rate: int = 25,
    options: dict[str, str] | None = None,
) -> Path:
    """A video file by PyAV; the kind of file is drawn from the path's suffix."""
    import av

    height, width, _ = frames[0].shape
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=Fraction(rate), options=options or {})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.bit_rate = 4_000_000
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    return path
