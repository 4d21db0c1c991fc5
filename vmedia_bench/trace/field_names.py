"""The names that fields of the bytes may have; imports `construct`, as `decoded` does."""

from collections.abc import Iterator
from functools import cache

from vmedia_bench.trace.decoded import EVENT_SIDE, REQUEST, RESPONSE, prefix
from vmedia_bench.wire.ioctls import IOCTLS, Direction, Shape
from vmedia_bench.wire.layouts import media
from vmedia_bench.wire.layouts.leaves import Path, places
from vmedia_bench.wire.layouts.v4l2 import payload_layout
from vmedia_bench.wire.layouts.v4l2_control import EVENT, EXT_CONTROL
from vmedia_bench.wire.layouts.v4l2_stream import BUFFER, PLANE

_HEADERS = {
    REQUEST: (media.CMD_IOCTL, media.CMD_MMAP, media.CMD_MUNMAP),
    RESPONSE: (media.RESP_OPEN, media.RESP_MMAP),
    EVENT_SIDE: (media.EVENT_ERROR,),
}


@cache
def known_paths() -> tuple[str, ...]:
    """Every path that a field of a record can have, array elements as number 0 only."""
    return tuple(sorted({".".join(path) for path in _paths() if _first_elements(path)}))


@cache
def known_parts() -> frozenset[str]:
    """Every name in those paths."""
    return frozenset(part for path in known_paths() for part in path.split("."))


def _first_elements(path: Path) -> bool:
    return all(part == "0" for part in path if part.isdigit())


def _paths() -> Iterator[Path]:
    for side, layouts in _HEADERS.items():
        for layout in layouts:
            yield from (place.path for place in places(layout, path=(side,)))
    for row in IOCTLS.values():
        if not row.direction:
            continue
        sides = {
            Direction.W: (REQUEST,),
            Direction.R: (RESPONSE,),
            Direction.WR: (REQUEST, RESPONSE),
        }[row.direction]
        for side in sides:
            start = (side, *prefix(row))
            yield from (place.path for place in places(payload_layout(row), path=start))
            if row.shape is Shape.BUFFER:
                yield from (place.path for place in places(PLANE, path=(side, "planes", "0")))
            elif row.shape is Shape.EXT_CONTROLS:
                array = (side, "controls", "0")
                yield from (place.path for place in places(EXT_CONTROL, path=array))
    for place in places(media.SG_ENTRY, path=(REQUEST, "sg", "0", "0")):
        yield place.path
    for name, layout in (("buffer", BUFFER), ("v4l2_event", EVENT)):
        yield from (place.path for place in places(layout, path=(EVENT_SIDE, name)))
    yield from (place.path for place in places(PLANE, path=(EVENT_SIDE, "planes", "0")))
