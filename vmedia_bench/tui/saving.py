"""The newest frame into a file."""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

from vmedia_bench.control.operations.frames import Frame, FrameParams
from vmedia_bench.picture.format import PictureError
from vmedia_bench.tui.link import BenchLostError, RefusedError

if TYPE_CHECKING:
    from vmedia_bench.tui.app import Workbench


async def save_snapshot(app: "Workbench", folder: Path) -> Path | None:
    """Write the newest frame of the session looked at as PNG; says where, or why not."""
    try:
        frame, fd = await app.link.call_with_fd("frames.get", FrameParams(session=app.session))
        if fd is None:
            return None
        try:
            planes = [os.pread(fd, plane.length, plane.offset) for plane in frame.planes]
        finally:
            os.close(fd)
        path = folder / f"vmedia-bench-{frame.session}-{frame.sequence}.png"
        await asyncio.to_thread(_write, path, frame, planes)
    except (BenchLostError, RefusedError, PictureError, OSError) as error:
        app.notify(str(error), title="No snapshot", severity="error")
        return None
    app.notify(str(path), title="Snapshot")
    options = [] if app.session is None else ["--session", str(app.session)]
    app.note_line(("snapshot", str(path), *options))
    return path


def _write(path: Path, frame: Frame, planes: list[bytes]) -> None:
    from PIL import Image

    from vmedia_bench.picture.rgb import to_rgb
    from vmedia_bench.tui.sampling import raw_format

    Image.fromarray(to_rgb(raw_format(frame), planes)).save(path, "PNG")
