"""Packages with plugins, made on the spot."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from vmedia_bench.backends import plugins


class Packages:
    """A folder on the import path that looks as if packages had been installed there."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        patch.syspath_prepend(str(folder))
        patch.setattr(plugins, "_known", {})

    def add(self, name: str, code: str, entries: Mapping[str, str], version: str = "1.0") -> None:
        """A package of one module; `entries` are backend names and what stands behind them."""
        (self.folder / f"{name}.py").write_text(dedent(code))
        info = self.folder / f"{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        lines = [f"{backend} = {path}" for backend, path in entries.items()]
        (info / "entry_points.txt").write_text("\n".join(["[vmedia_bench.backends]", *lines]))


GREY = """
from dataclasses import dataclass, field
from typing import Literal

from vmedia_bench.plugin import (
    Description, Filled, FormatDesc, PlaneFormat, Plugin, VideoSource, fourcc,
)


@dataclass(frozen=True)
class Options:
    shade: int = field(default=128, metadata={"help": "How bright, 0 to 255."})
    mood: Literal["calm", "wild"] = field(default="calm", metadata={"help": "How it feels."})

    def __post_init__(self) -> None:
        if not 0 <= self.shade <= 255:
            raise ValueError(f"shade {self.shade}: not 0 to 255")


class Source(VideoSource):
    card = "grey plugin"

    def __init__(self, shade):
        self.shade = shade

    def formats(self, buf_type):
        return (FormatDesc(fourcc("GREY"), lambda w, h: (PlaneFormat(w, w * h),), ((64, 48),)),)

    def fill(self, frame, planes):
        planes[0].write(0, bytes([self.shade]) * planes[0].length)
        return Filled((planes[0].length,))


class Grey(Plugin):
    api_version = 1

    def describe(self):
        return Description("A grey picture.", options=Options)

    def open(self, options):
        return Source(options.shade)
"""
