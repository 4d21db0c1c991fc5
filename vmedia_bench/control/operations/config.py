"""The virtio-media configuration space."""

from dataclasses import dataclass
from typing import Annotated

from vmedia_bench.control.operation import Danger, Nothing, Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigSpace:
    """virtio_media_config, 40 bytes."""

    device_caps: int
    device_caps_names: tuple[str, ...]
    device_type: Annotated[int, "VFL_TYPE_*; 0 is video"]
    card: str
    hex: Annotated[str, "All 40 bytes"]
    overridden: Annotated[bool, "The operator has changed it"]
    announced: Annotated[bool, "CONFIG_CHANGE has gone out, or needs no front-end"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigSetParams:
    """What to change; what is left out stays. `reset` alone goes back to the backend's own."""

    card: Annotated[str | None, "At most 32 bytes of UTF-8"] = None
    device_caps: Annotated[int | None, "V4L2_CAP_* bits"] = None
    device_type: Annotated[int | None, "VFL_TYPE_*"] = None
    hex: Annotated[str | None, "All 40 bytes instead"] = None
    reset: Annotated[bool, "Back to what the backend says"] = False


OPERATIONS = (
    Operation("config.get", "Show the configuration space.", Nothing, ConfigSpace, "config get"),
    Operation(
        "config.set",
        "Change the configuration space and announce it.",
        ConfigSetParams,
        ConfigSpace,
        "config set",
        Danger.CHANGES,
    ),
)
