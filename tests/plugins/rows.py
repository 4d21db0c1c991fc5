"""A camera whose every row says which frame of which source it is of: a torn or stale one shows."""

from tests.plugins.packages import Packages

ROWS = '''
from dataclasses import dataclass, field
from fractions import Fraction
from struct import Struct

from vmedia_bench.plugin import (
    BufType, Description, Filled, FormatDesc, PlaneFormat, Plugin, VideoSource, fourcc,
)

SIZE = WIDTH, HEIGHT = 320, 240
RATE = Fraction(1, 30)
HEAD = Struct("<BBHI")  # mark, plane, row, sequence
MARKS = bytes(range(256)) * 2


def picture(mark, sequence, plane, size):
    """One plane; after its head, each row goes on with bytes that begin with its number."""
    return b"".join(
        HEAD.pack(mark, plane, row, sequence)
        + MARKS[(start := (row * 3 + sequence + mark) & 0xFF) : start + 256][: WIDTH - HEAD.size]
        + bytes(WIDTH - HEAD.size - 256)
        for row in range(size // WIDTH)
    )


def identity(plane):
    """(mark, sequence) of the first row."""
    head = HEAD.unpack_from(plane)
    return head[0], head[3]


@dataclass(frozen=True)
class Options:
    mark: int = field(default=1, metadata={"help": "What each row begins with."})
    mplane: bool = field(default=False, metadata={"help": "Two memory planes."})


class Rows(VideoSource):
    card = "rows"

    def __init__(self, options):
        self.mark = options.mark
        self.sizes = [WIDTH * HEIGHT * 3 // 2]
        self.code = "NV12"
        if options.mplane:
            self.buf_types = (int(BufType.VIDEO_CAPTURE_MPLANE),)
            self.sizes = [WIDTH * HEIGHT, WIDTH * HEIGHT // 2]
            self.code = "NM12"

    def formats(self, buf_type):
        planes = tuple(PlaneFormat(WIDTH, size) for size in self.sizes)
        return (FormatDesc(fourcc(self.code), lambda w, h: planes, (SIZE,)),)

    def intervals(self, pixelformat, width, height):
        return (RATE,)

    def fill(self, frame, planes):
        for number, (plane, size) in enumerate(zip(planes, self.sizes)):
            plane.write(0, picture(self.mark, frame.sequence, number, size))
        return Filled(tuple(self.sizes))


class Outside(Plugin):
    api_version = 1

    def describe(self):
        return Description("Rows.", options=Options)

    def open(self, options):
        return Rows(options)


class Inside(Outside):
    def describe(self):
        return Description("Rows, in the bench.", options=Options, isolated=False)
'''


def add_rows(packages: Packages) -> None:
    """Install it twice: "rows" has a process of its own, "rows-inside" is in the bench's."""
    names = {"rows": "rows_camera:Outside", "rows-inside": "rows_camera:Inside"}
    packages.add("rows_camera", ROWS, names)
