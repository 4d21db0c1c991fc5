"""What a package that brings a backend implements; authors import it from `vmedia_bench.plugin`."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

from vmedia_bench.v4l2.ports import NodeMaker

PLUGIN_API: Final = 1
"""The version of this interface: it goes up when plugins written for the last one would break."""

Kind = Literal["capture", "output", "m2m", "any"]


@dataclass(frozen=True, slots=True)
class NoOptions:
    """For a backend that can be set to nothing."""


@dataclass(frozen=True, slots=True)
class Description:
    """
    What a plugin says of itself.

    `options` is a dataclass; a field's metadata has `help` and maybe `choices`, its type is int,
    float, Fraction | float, str, bool, pathlib.Path, tuple[int, int] (a size), a Literal, an Enum
    or one of them with None. `isolated`: its source runs in a process of its own. Only what can
    neither block nor crash, or is no VideoSource but a NodeMaker, belongs into the bench's.
    """

    summary: str
    kind: Kind = "capture"
    options: type[Any] = NoOptions
    isolated: bool = True


class Plugin(ABC):
    """
    A backend from another package: what it is, whether it can run, and its source.

    One instance is made without arguments each time something is asked, in a process of its own.
    """

    api_version: ClassVar[int]
    """The PLUGIN_API that it was written for, as a number."""

    @abstractmethod
    def describe(self) -> Description:
        """Say what it is; quickly, and without what may be missing on a system."""

    def unusable(self) -> str:
        """Say in one line why it cannot run here and what to do about it; "" when it can."""
        return ""

    @abstractmethod
    def open(self, options: Any) -> NodeMaker:
        """
        Make the source from an instance of `Description.options`: a VideoSource, when isolated.

        ValueError with one line, "option value: what is wrong", refuses an option; OSError, or
        any other exception, says that it cannot run.
        """
