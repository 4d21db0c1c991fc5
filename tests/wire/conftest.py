"""The C compiler's view of linux/videodev2.h, asked once for all tests of the wire."""

import os
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import construct
import pytest

from vmedia_bench.wire import controls, ioctls, pixelformats, v4l2, v4l2_controls, v4l2_tv
from vmedia_bench.wire.layouts.fields import ANONYMOUS, fields_of
from vmedia_bench.wire.layouts.v4l2 import LAYOUTS

INCLUDE = os.environ.get("VMEDIA_BENCH_KERNEL_INCLUDE", "")
"""A directory with newer kernel headers to hold the declarations to, instead of the system's."""

PREFIXES = {
    "BufType": "BUF_TYPE_",
    "Memory": "MEMORY_",
    "MemoryFlag": "MEMORY_FLAG_",
    "BufCap": "BUF_CAP_",
    "BufFlag": "BUF_FLAG_",
    "Field": "FIELD_",
    "Cap": "CAP_",
    "FmtFlag": "FMT_FLAG_",
    "PixFmtFlag": "PIX_FMT_FLAG_",
    "Colorspace": "COLORSPACE_",
    "XferFunc": "XFER_FUNC_",
    "YcbcrEncoding": "YCBCR_ENC_",
    "HsvEncoding": "HSV_ENC_",
    "Quantization": "QUANTIZATION_",
    "FrmSizeType": "FRMSIZE_TYPE_",
    "FrmIvalType": "FRMIVAL_TYPE_",
    "TimecodeType": "TC_TYPE_",
    "TimecodeFlag": ("TC_FLAG_", "TC_"),
    "Priority": "PRIORITY_",
    "StreamParmCap": "CAP_",
    "StreamParmMode": "MODE_",
    "InputType": "INPUT_TYPE_",
    "InputStatus": "IN_ST_",
    "InputCap": "IN_CAP_",
    "OutputType": "OUTPUT_TYPE_",
    "OutputCap": "OUT_CAP_",
    "SelTarget": "SEL_TGT_",
    "SelFlag": "SEL_FLAG_",
    "CtrlType": "CTRL_TYPE_",
    "CtrlFlag": "CTRL_FLAG_",
    "CtrlClass": "CTRL_CLASS_",
    "CtrlWhich": "CTRL_WHICH_",
    "EventType": "EVENT_",
    "EventCtrlChange": "EVENT_CTRL_CH_",
    "SrcChange": "EVENT_SRC_CH_",
    "MotionDetFlag": "EVENT_MD_FL_",
    "EventSubFlag": "EVENT_SUB_FL_",
    "EncCmd": "ENC_CMD_",
    "EncCmdFlag": "ENC_CMD_",
    "DecCmd": "DEC_CMD_",
    "DecCmdStartFlag": "DEC_CMD_",
    "DecCmdStopFlag": "DEC_CMD_",
    "DecCmdPauseFlag": "DEC_CMD_",
    "DecStartFormat": "DEC_START_FMT_",
    "TunerType": "TUNER_",
    "TunerCap": "TUNER_CAP_",
    "TunerSub": "TUNER_SUB_",
    "TunerMode": "TUNER_MODE_",
    "BandModulation": "BAND_MODULATION_",
    "AudioCap": "AUDCAP_",
    "AudioMode": "AUDMODE_",
    "Std": "STD_",
    "DvTimingsType": "DV_",
    "DvScan": "DV_",
    "DvPolarity": "DV_",
    "DvStandard": "DV_BT_STD_",
    "DvFlag": "DV_FL_",
    "DvCap": "DV_BT_CAP_",
    "FbufCap": "FBUF_CAP_",
    "FbufFlag": "FBUF_FLAG_",
    "VbiFlag": "VBI_",
    "SlicedService": "SLICED_",
    "EncIdxFrame": "ENC_IDX_FRAME_",
    "JpegMarker": "JPEG_MARKER_",
    "ChipMatch": "CHIP_MATCH_",
    "ChipFlag": "CHIP_FL_",
}
RENAMED = {"PAL_NC": "PAL_Nc", "USERBITS_FIELD": "USERBITS_field"}
"""The two names of the header that are not all upper case."""

NEWER = {
    ("v4l2_meta_format", ""): "V4L2_FMT_FLAG_META_LINE_BASED",
    ("v4l2_meta_format", "width"): "V4L2_FMT_FLAG_META_LINE_BASED",
    ("v4l2_meta_format", "height"): "V4L2_FMT_FLAG_META_LINE_BASED",
    ("v4l2_meta_format", "bytesperline"): "V4L2_FMT_FLAG_META_LINE_BASED",
    ("v4l2_create_buffers", "max_num_buffers"): "V4L2_BUF_CAP_SUPPORTS_MAX_NUM_BUFFERS",
    ("v4l2_create_buffers", "reserved"): "V4L2_BUF_CAP_SUPPORTS_MAX_NUM_BUFFERS",
}
"""Fields (\"\" is the structure's size) that came with a macro; the header has both or neither."""

NAMELESS = {"v4l2_decoder_cmd_start", "v4l2_decoder_cmd_stop"}
"""Members of a union that C declares without a name of their own."""


@dataclass(frozen=True, slots=True)
class CView:
    """What the compiler says; a name that the header lacks is in none of these."""

    sizes: dict[str, int] = field(default_factory=dict)
    fields: dict[tuple[str, str], tuple[int, int, bool]] = field(default_factory=dict)
    ioctls: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    constants: dict[str, int] = field(default_factory=dict)


@pytest.fixture(scope="session")
def c_view(tmp_path_factory: pytest.TempPathFactory) -> CView:
    folder = tmp_path_factory.mktemp("c_view")
    known = _identifiers()
    source = folder / "view.c"
    source.write_text("\n".join(_program(known)))
    program = folder / "view"
    subprocess.run(["cc", "-w", *_include(), str(source), "-o", str(program)], check=True)
    return _read(subprocess.run([program], check=True, capture_output=True, text=True).stdout)


@pytest.fixture(scope="session")
def expected_constants() -> dict[str, int]:
    """Every constant of the wire under its name in C."""
    known = _identifiers()
    return dict(_constants(known))


@pytest.fixture(scope="session")
def expected_fields() -> dict[tuple[str, str], tuple[int, int, bool]]:
    """Every field of every V4L2 layout: (structure, path in C) with offset, size, signedness."""
    return {
        (name, found.path): (*found.place, found.c_type in {"s32", "s64"})
        for name, layout in LAYOUTS.items()
        if name not in NAMELESS
        for found in _named(layout)
    }


@pytest.fixture(scope="session")
def spans() -> Callable[[str], Iterable[tuple[int, int, bool]]]:
    """The reader of ``struct`` formats: (offset, size, is a number) of each field."""
    return _spans_of


def _include() -> list[str]:
    return ["-I", str(Path(INCLUDE).resolve())] if INCLUDE else []


def _identifiers() -> frozenset[str]:
    header = "#include <linux/videodev2.h>\n#include <time.h>\n"
    run = subprocess.run(
        ["cc", "-E", "-dD", *_include(), "-x", "c", "-"],
        input=header,
        check=True,
        capture_output=True,
        text=True,
    )
    return frozenset(re.findall(r"[A-Za-z_]\w+", run.stdout))


def _constants(known: frozenset[str]) -> Iterator[tuple[str, int]]:
    for kind in _enum_classes():
        prefixes = PREFIXES[kind.__name__]
        candidates = (prefixes,) if isinstance(prefixes, str) else prefixes
        for name, member in kind.__members__.items():
            short = RENAMED.get(name, name).lstrip("_")
            spellings = [f"V4L2_{prefix}{short}" for prefix in candidates]
            yield next((text for text in spellings if text in known), spellings[0]), int(member)
    for cid in controls.Cid:
        yield f"V4L2_CID_{cid.name.lstrip('_')}", int(cid)
    for row in pixelformats.PIXEL_FORMATS.values():
        yield row.name, row.fourcc
    yield "VIDEO_MAX_FRAME", v4l2.VIDEO_MAX_FRAME
    yield "VIDEO_MAX_PLANES", v4l2.VIDEO_MAX_PLANES
    yield "V4L2_PIX_FMT_PRIV_MAGIC", v4l2.PIX_FMT_PRIV_MAGIC
    yield "V4L2_FMTDESC_FLAG_ENUM_ALL", v4l2.FMTDESC_FLAG_ENUM_ALL
    yield "V4L2_CTRL_ID_MASK", v4l2_controls.CTRL_ID_MASK
    yield "V4L2_CTRL_MAX_DIMS", v4l2_controls.CTRL_MAX_DIMS
    yield "V4L2_CTRL_COMPOUND_TYPES", v4l2_controls.CTRL_COMPOUND_TYPES


def _enum_classes() -> list[Any]:
    """Every enumeration of the constants' modules, each once."""
    modules = (v4l2, v4l2_controls, v4l2_tv)
    found = [kind for module in modules for kind in vars(module).values()]
    return list(dict.fromkeys(kind for kind in found if hasattr(kind, "__members__") and len(kind)))


@dataclass(frozen=True, slots=True)
class Named:
    """One field under the path that C names it by; ``owner`` is the structure that declares it."""

    path: str
    place: tuple[int, int]
    owner: str
    name: str
    c_type: str


def _named(layout: Any, prefix: str = "", base: int = 0) -> Iterator[Named]:
    """Yield all that C can name below a layout, unions and their members included."""
    for found in fields_of(layout):
        at = base + found.offset
        path = f"{prefix}{found.name}"
        if found.name != ANONYMOUS:
            yield Named(path, (at, found.size), layout.c_type, found.name, found.c_type)
        inside = prefix if found.name == ANONYMOUS else f"{path}."
        if isinstance(found.con, construct.Struct):
            yield from _named(found.con, inside, at)
        for member in found.members:
            con = member.subcon
            place = (at, con.sizeof())
            yield Named(f"{inside}{member.name}", place, layout.c_type, member.name, con.c_type)
            if isinstance(con, construct.Struct):
                yield from _named(con, f"{inside}{member.name}.", at)


def _program(known: frozenset[str]) -> Iterator[str]:
    yield "#include <stddef.h>\n#include <stdio.h>\n#include <time.h>"
    yield "#include <linux/videodev2.h>"
    yield "int main(void) {"
    for name, layout in LAYOUTS.items():
        if name not in known or name in NAMELESS:
            continue
        if _has(known, (name, "")):
            yield f'printf("S {name} %zu\\n", sizeof(struct {name}));'
        for found in _named(layout):
            if _has(known, (found.owner, found.name), (found.c_type, "")):
                path = found.path
                value = f"((struct {name} *)0)->{path}"
                signed = f"_Generic({value}, int: 1, long: 1, long long: 1, default: 0)"
                place = f"offsetof(struct {name}, {path}), sizeof({value}), {signed}"
                yield f'printf("F {name} {path} %zu %zu %d\\n", {place});'
    for row in ioctls.IOCTLS.values():
        if row.name in known:
            parts = ", ".join(f"(int)_IOC_{part}({row.name})" for part in ("NR", "DIR", "SIZE"))
            yield f'printf("I {row.name} %d %d %d\\n", {parts});'
    for name, _ in _constants(known):
        if name in known:
            yield f'printf("C {name} %lld\\n", (long long)({name}));'
    yield "return 0; }"


def _has(known: frozenset[str], *keys: tuple[str, str]) -> bool:
    """Whether the header is new enough for these fields and, with an empty name, structures."""
    return all(NEWER[key] in known for key in keys if key in NEWER)


def _read(output: str) -> CView:
    view = CView()
    for line in output.splitlines():
        kind, name, *rest = line.split()
        if kind == "S":
            view.sizes[name] = int(rest[0])
        elif kind == "F":
            view.fields[name, rest[0]] = (int(rest[1]), int(rest[2]), rest[3] == "1")
        elif kind == "I":
            view.ioctls[name] = (int(rest[0]), int(rest[1]), int(rest[2]))
        else:
            view.constants[name] = int(rest[0])
    return view


def _spans_of(fmt: str) -> Iterable[tuple[int, int, bool]]:
    """Yield (offset, size, is a number) of each field of a ``struct`` format without alignment."""
    sizes = {"b": 1, "B": 1, "h": 2, "H": 2, "i": 4, "I": 4, "q": 8, "Q": 8}
    offset = 0
    for count, code in re.findall(r"(\d*)([a-zA-Z])", fmt):
        times = int(count or 1)
        if code in {"x", "s"}:
            if code == "s":
                yield offset, times, False
            offset += times
            continue
        for _ in range(times):
            yield offset, sizes[code], True
            offset += sizes[code]
