"""What the entry point names: the grid's options, and how it is opened."""

from dataclasses import dataclass, field

from vmedia_bench.plugin import Description, Plugin

from vmedia_bench_webcam_grid.camera import GridCamera

TEST_CARDS = "; ".join(
    f"pattern:pattern={name},motion=4" for name in ("smpte", "box", "gradient", "checker")
)
MOST_CELLS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class GridOptions:
    """What the grid begins with."""

    sources: str = field(
        default=TEST_CARDS,
        metadata={"help": "Backends to show: name:option=value,option=value; name ..."},
    )
    size: tuple[int, int] = field(default=(640, 480), metadata={"help": "Size of the whole."})
    gap: int = field(default=4, metadata={"help": "Pixels between two pictures, 0 to 64."})

    def __post_init__(self) -> None:
        if not 1 <= len(self.cells) <= MOST_CELLS:
            raise ValueError(f"sources {self.sources!r}: not 1 to {MOST_CELLS} of them")
        if not 0 <= self.gap <= 64:
            raise ValueError(f"gap {self.gap}: not 0 to 64")

    @property
    def cells(self) -> tuple[str, ...]:
        """One text a source."""
        return tuple(text.strip() for text in self.sources.split(";") if text.strip())


class WebcamGridPlugin(Plugin):
    """The grid as a backend."""

    api_version = 1

    def describe(self) -> Description:
        """Say what it is."""
        return Description("Several cameras side by side.", options=GridOptions)

    def open(self, options: GridOptions) -> GridCamera:
        """Build the sources and the grid over them."""
        return GridCamera(options.cells, size=options.size, gap=options.gap)
