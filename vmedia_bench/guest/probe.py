"""Asking a back-end everything, and holding it to the specification: `probe(path)`."""

import os
from collections.abc import Callable
from enum import IntEnum, IntFlag
from fractions import Fraction
from functools import partial
from typing import Any

from vmedia_bench.guest import report
from vmedia_bench.guest.control_calls import ControlInfo
from vmedia_bench.guest.driver import Driver
from vmedia_bench.guest.errors import (
    BackendError,
    BackendUnreachableError,
    GuestError,
    GuestIoctlError,
)
from vmedia_bench.guest.events import BadEvent
from vmedia_bench.guest.format_calls import text
from vmedia_bench.guest.formats import FormatEntry, FrameSize, InputEntry
from vmedia_bench.guest.probe_checks import CHECKS, Check, Subject
from vmedia_bench.guest.report import Report
from vmedia_bench.guest.session import Session
from vmedia_bench.guest.vmm import Vmm
from vmedia_bench.wire import media
from vmedia_bench.wire.v4l2 import (
    BufCap,
    BufType,
    Cap,
    CtrlFlag,
    CtrlType,
    FmtFlag,
    Memory,
    fourcc_name,
)
from vmedia_bench.wire.vhost_user import feature_names, protocol_feature_names

_SIZE_LIMIT = 64
_QUEUES = {
    Cap.VIDEO_CAPTURE: (BufType.VIDEO_CAPTURE,),
    Cap.VIDEO_OUTPUT: (BufType.VIDEO_OUTPUT,),
    Cap.VIDEO_M2M: (BufType.VIDEO_CAPTURE, BufType.VIDEO_OUTPUT),
    Cap.VIDEO_CAPTURE_MPLANE: (BufType.VIDEO_CAPTURE_MPLANE,),
    Cap.VIDEO_OUTPUT_MPLANE: (BufType.VIDEO_OUTPUT_MPLANE,),
    Cap.VIDEO_M2M_MPLANE: (BufType.VIDEO_CAPTURE_MPLANE, BufType.VIDEO_OUTPUT_MPLANE),
}


def buffer_types(device_caps: int) -> tuple[BufType, ...]:
    """The video queues that these capabilities promise."""
    found = {kind: None for cap, kinds in _QUEUES.items() if device_caps & cap for kind in kinds}
    return tuple(found)


def probe(path: str | os.PathLike[str], *, checks: bool = True, **settings: Any) -> Report:
    """
    Connect to a back-end, ask it everything and, with `checks`, look for its mistakes.

    Keywords are the fields of `settings.VmmSettings`. Raises BackendUnreachableError where nobody
    listens, and nothing for what a back-end does: what ended the probe is the report's `error`.
    Streams a few frames, so nobody else may.
    """
    result = Report(os.fspath(path), str(settings.get("order", "qemu")))
    try:
        with Vmm.connect(path, **settings) as vmm:
            _describe_vmm(vmm, result)
            driver = Driver(vmm)
            for name, describe in _DESCRIPTIONS:
                _attempt(vmm, result, name, partial(_describe, vmm, driver, describe, result))
            if checks:
                subject = Subject(driver, buffer_types(_caps(vmm)))
                for check in CHECKS:
                    name = check.__name__.replace("_", " ")
                    _attempt(vmm, result, name, partial(_check, check, subject, result))
            result.findings += dict.fromkeys(
                event.why for event in driver.strays if isinstance(event, BadEvent)
            )
            result.findings += vmm.violations
    except BackendUnreachableError:
        raise
    except GuestError as error:
        result.error = str(error)
    return result


def _attempt(vmm: Vmm, result: Report, name: str, act: Callable[[], None]) -> None:
    """Do one thing; what fails is a finding, and a back-end that is lost is looked for again."""
    try:
        act()
    except GuestIoctlError as error:
        result.findings.append(f"{name}: {error}")
    except BackendError as error:
        result.findings.append(f"{name}: {error}")
        vmm.reconnect()


def _describe(
    vmm: Vmm, driver: Driver, describe: Callable[[Vmm, Session, Report], None], result: Report
) -> None:
    with driver.open() as session:
        describe(vmm, session, result)


def _check(check: Check, subject: Subject, result: Report) -> None:
    result.findings += check(subject)


def _caps(vmm: Vmm) -> int:
    caps: int = media.CONFIG.unpack(vmm.config)[0] if vmm.config else 0
    return caps


def _describe_vmm(vmm: Vmm, result: Report) -> None:
    shake = vmm.handshake
    result.messages = list(vmm.link.log)
    result.features = list(feature_names(shake.features_offered))
    bit = shake.shmem_bit
    result.protocol_features = list(
        protocol_feature_names(shake.protocol_offered, bit)
        if bit >= 0
        else protocol_feature_names(shake.protocol_offered)
    )
    result.queue_count = shake.queue_count
    result.queue_size = vmm.commandq.size
    result.shmem_bit = bit
    result.shmem_sizes = {shmid: region.size for shmid, region in vmm.regions.items()}
    if vmm.config:
        caps, result.device_type, card = media.CONFIG.unpack(vmm.config)
        result.card = text(card)
        result.device_caps = _flags(Cap, caps)


def _describe_queues(vmm: Vmm, session: Session, result: Report) -> None:
    for kind in buffer_types(_caps(vmm)):
        result.queues.append(_queue(session, kind))


def _describe_inputs(_vmm: Vmm, session: Session, result: Report) -> None:
    result.inputs = [_input(entry) for entry in session.inputs()]


def _describe_outputs(_vmm: Vmm, session: Session, result: Report) -> None:
    result.outputs = [_input(entry) for entry in session.outputs()]


def _describe_controls(_vmm: Vmm, session: Session, result: Report) -> None:
    for info in session.controls():
        result.controls.append(_control(session, info))


_DESCRIPTIONS: tuple[tuple[str, Callable[[Vmm, Session, Report], None]], ...] = (
    ("formats", _describe_queues),
    ("inputs", _describe_inputs),
    ("outputs", _describe_outputs),
    ("controls", _describe_controls),
)


def _queue(session: Session, kind: BufType) -> report.Queue:
    formats = [
        report.Format(
            fourcc_name(entry.pixelformat),
            entry.description,
            _flags(FmtFlag, entry.flags),
            _sizes(session, entry),
        )
        for entry in session.enum_formats(kind)
    ]
    capabilities: list[str] = []
    try:
        _, bits = session.request_buffers(0, kind, Memory.MMAP)
        capabilities = _flags(BufCap, bits)
    except GuestIoctlError as error:
        capabilities = [str(error)]
    return report.Queue(
        kind.name,
        formats,
        _try(lambda: _current(session, kind)),
        _try(lambda: str(session.get_interval(kind))),
        capabilities,
    )


def _try(ask: Callable[[], str]) -> str:
    """An answer, or the error's name in its place."""
    try:
        return ask()
    except GuestIoctlError as error:
        return error.errno_name


def _current(session: Session, kind: int) -> str:
    fmt = session.get_format(kind)
    sizes = "+".join(str(plane.sizeimage) for plane in fmt.planes)
    return f"{fourcc_name(fmt.pixelformat)} {fmt.width}x{fmt.height}, {sizes} bytes"


def _sizes(session: Session, entry: FormatEntry) -> list[report.Size]:
    found = []
    for size in list(session.frame_sizes(entry.pixelformat))[:_SIZE_LIMIT]:
        intervals = session.frame_intervals(entry.pixelformat, size.max_width, size.max_height)
        lines = [
            report.Interval(_time(i.shortest), _time(i.longest), _time(i.step)) for i in intervals
        ]
        found.append(report.Size(_size(size), lines))
    return found


def _time(value: Fraction) -> str:
    return str(value)


def _size(size: FrameSize) -> str:
    largest = f"{size.max_width}x{size.max_height}"
    if size.discrete:
        return largest
    smallest = f"{size.min_width}x{size.min_height}"
    return f"{smallest}..{largest}/{size.step_width}x{size.step_height}"


def _input(entry: InputEntry) -> str:
    return f"{entry.index}: {entry.name} (type {entry.type}, status {entry.status:#x})"


def _control(session: Session, info: ControlInfo) -> report.Control:
    value = ""
    silent = {CtrlType.CTRL_CLASS, CtrlType.BUTTON}
    if info.type not in silent and not info.flags & (CtrlFlag.WRITE_ONLY | CtrlFlag.DISABLED):
        value = _try(lambda: str(session.get_control(info)))
    return report.Control(
        f"{info.id:#x}",
        info.name,
        _enum(CtrlType, info.type),
        info.minimum,
        info.maximum,
        info.step,
        info.default,
        _flags(CtrlFlag, info.flags),
        value,
        {item.index: item.name for item in info.menu},
    )


def _enum(kind: type[IntEnum], value: int) -> str:
    try:
        return kind(value).name
    except ValueError:
        return str(value)


def _flags(kind: type[IntFlag], value: int) -> list[str]:
    """Names of the bits set, lowest first; a nameless one as a number."""
    names = {flag.value: flag.name or "" for flag in kind if flag.value.bit_count() == 1}
    bits = [1 << bit for bit in range(value.bit_length()) if value >> bit & 1]
    return [names.get(bit, f"{bit:#x}") for bit in bits]
