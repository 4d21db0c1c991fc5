"""config.*"""

from dataclasses import replace

from vmedia_bench.control.operation import Nothing
from vmedia_bench.control.operations.config import ConfigSetParams, ConfigSpace
from vmedia_bench.control.rpc import ErrorCode, RpcError
from vmedia_bench.control.server.spelling import flag_names
from vmedia_bench.control.server.workbench import Handlers, Workbench
from vmedia_bench.wire.media import CONFIG
from vmedia_bench.wire.v4l2 import Cap

_CARD_SIZE = 32
_U32 = 1 << 32


def _get(bench: Workbench, _params: Nothing) -> ConfigSpace:
    return config_space(bench)


def config_space(bench: Workbench) -> ConfigSpace:
    """The config space as the guest sees it now."""
    raw = bench.device.config_space()
    device_caps, device_type, card = CONFIG.unpack(raw)
    return ConfigSpace(
        device_caps=device_caps,
        device_caps_names=flag_names(Cap, device_caps),
        device_type=device_type,
        card=card.rstrip(b"\0").decode(errors="replace"),
        hex=raw.hex(),
        overridden=bench.device.config_overridden,
        announced=bench.transport.config_told,
    )


def _set(bench: Workbench, params: ConfigSetParams) -> ConfigSpace:
    changes = replace(params, reset=False) != ConfigSetParams()
    if params.reset and changes:
        raise _wrong("reset", "it goes alone")
    if not params.reset and not changes:
        raise _wrong("card", "say what to change: card, device_caps, device_type, hex or reset")
    bench.device.set_config(None if params.reset else _new(bench, params))
    return config_space(bench)


def _new(bench: Workbench, params: ConfigSetParams) -> bytes:
    raw = bench.device.config_space() if params.hex is None else _from_hex(params.hex)
    device_caps, device_type, card = CONFIG.unpack(raw)
    if params.card is not None:
        card = params.card.encode()
        if len(card) > _CARD_SIZE:
            raise _wrong("card", f"at most {_CARD_SIZE} bytes, this has {len(card)}")
    return CONFIG.pack(
        _number("device_caps", params.device_caps, device_caps),
        _number("device_type", params.device_type, device_type),
        card,
    )


def _from_hex(text: str) -> bytes:
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raise _wrong("hex", "this is no hexadecimal") from None
    if len(raw) != CONFIG.size:
        raise _wrong("hex", f"{CONFIG.size} bytes, not {len(raw)}")
    return raw


def _number(field: str, wanted: int | None, current: int) -> int:
    if wanted is None:
        return current
    if not 0 <= wanted < _U32:
        raise _wrong(field, "a number of 32 bits")
    return wanted


def _wrong(field: str, what: str) -> RpcError:
    return RpcError(ErrorCode.INVALID_PARAMS, f"{field}: {what}", {"field": field})


HANDLERS: Handlers = {"config.get": _get, "config.set": _set}
