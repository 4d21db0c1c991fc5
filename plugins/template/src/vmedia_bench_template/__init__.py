"""A backend to begin with: a camera that shows a word. Change the name, then what it draws."""

from dataclasses import dataclass, field

from PIL import Image, ImageDraw
from vmedia_bench.plugin import (
    Cid,
    ControlSpec,
    ControlValue,
    Description,
    Frame,
    PictureCamera,
    Plugin,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What can be set with `--set name=value`; a wrong value is a ValueError with one line."""

    text: str = field(default="hello", metadata={"help": "What to show."})
    size: tuple[int, int] = field(default=(640, 480), metadata={"help": "Size to begin with."})

    def __post_init__(self) -> None:
        if not self.text.isprintable():
            raise ValueError(f"text {self.text!r}: not printable")


class WordCamera(PictureCamera):
    """Shows a word and the number of the frame; brightness is a control."""

    card = "template"
    controls = (ControlSpec.integer(Cid.BRIGHTNESS, minimum=0, maximum=255, default=200),)

    def __init__(self, options: Options) -> None:
        self.size = options.size
        self._text = options.text
        self._brightness = 200

    def control_changed(self, cid: int, value: ControlValue) -> None:
        """Take what the guest, or the operator, has set."""
        if cid == Cid.BRIGHTNESS:
            self._brightness = int(value)

    def picture(self, frame: Frame, size: tuple[int, int]) -> Image.Image:
        """Draw one frame, `size` being the one that the guest has chosen."""
        image = Image.new("RGB", size, (16, 24, 48))
        shade = self._brightness
        text = f"{self._text} {frame.sequence}"
        ImageDraw.Draw(image).text((size[0] // 8, size[1] // 2), text, fill=(shade, shade, shade))
        return image


class TemplatePlugin(Plugin):
    """What the entry point in pyproject.toml names."""

    api_version = 1

    def describe(self) -> Description:
        """Say what this is; one line."""
        return Description("A camera that shows a word.", options=Options)

    def open(self, options: Options) -> WordCamera:
        """Make the camera."""
        return WordCamera(options)
