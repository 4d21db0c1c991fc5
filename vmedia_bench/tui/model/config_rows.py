"""The configuration space as rows: the fields, their bytes, and what they mean."""

from vmedia_bench.control.operations.config import ConfigSpace
from vmedia_bench.tui.model.rows import Column, Row

COLUMNS = (
    Column("field", 12),
    Column("bytes", 6, right=True),
    Column("value", 26),
    Column("meaning", flex=True),
)
DEVICE_TYPES = {0: "video", 1: "vbi", 2: "radio", 3: "subdev", 4: "sdr", 5: "touch"}
SPANS = {"device_caps": (0, 4), "device_type": (4, 4), "card": (8, 32)}
"""Each field's offset and length."""


def config_rows(space: ConfigSpace) -> list[Row]:
    """One row a field."""
    return [
        Row(
            "device_caps",
            (
                "device_caps",
                ("0-3", "dim"),
                f"{space.device_caps:#010x}",
                " ".join(space.device_caps_names),
            ),
        ),
        Row(
            "device_type",
            (
                "device_type",
                ("4-7", "dim"),
                str(space.device_type),
                f"VFL_TYPE: {DEVICE_TYPES.get(space.device_type, 'unknown')}",
            ),
        ),
        Row(
            "card", ("card", ("8-39", "dim"), space.card, ("the name that the guest reads", "dim"))
        ),
    ]


def config_title(space: ConfigSpace) -> str:
    """What stands beside the pane's name."""
    changed = "changed by you" if space.overridden else "as the backend says"
    return f"40 bytes · {changed}" + ("" if space.announced else " · not announced yet")


def config_hex(space: ConfigSpace) -> bytes:
    """The 40 bytes."""
    return bytes.fromhex(space.hex)
