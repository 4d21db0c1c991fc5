"""The back-end's own channel: SHMEM_MAP, SHMEM_UNMAP and CONFIG_CHANGE, served as a VMM does."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from vmedia_bench.guest.errors import BackendError, ShmemRefusalError
from vmedia_bench.guest.shmem import ShmemRegion
from vmedia_bench.vhost.errors import FrontendError
from vmedia_bench.vhost.frontend import ChannelEnd, Received
from vmedia_bench.wire import vhost_user as vu

_CONFIG_CHANGE = vu.BackendRequest.CONFIG_CHANGE_MSG.value
_UNMAP = vu.BackendRequest.SHMEM_UNMAP.value
_PAYLOAD_SIZES = {
    _CONFIG_CHANGE: 0,
    vu.BackendRequest.SHMEM_MAP.value: vu.SHMEM_MMAP.size,
    _UNMAP: vu.SHMEM_MMAP.size,
}


class ShmemAnswer(Enum):
    """What to do with SHMEM_MAP and SHMEM_UNMAP."""

    SERVE = "serve"
    REFUSE = "refuse"
    STALL = "stall"


@dataclass(frozen=True, slots=True)
class ShmemRequest:
    """One message as it came; sizes in bytes, `refusal` is empty when it was served."""

    name: str
    shmid: int
    fd_offset: int
    offset: int
    length: int
    writable: bool
    refusal: str


class BackendChannel:
    """
    Our end of the socket pair that SET_BACKEND_REQ_FD hands over.

    `answer` says what becomes of SHMEM messages; a stalled one is never answered. `running` tells
    whether the device runs: QEMU dies of these messages while it is stopped, so each is noted in
    `violations`. `config_changes` counts CONFIG_CHANGE_MSG, `requests` keeps SHMEM messages.
    """

    def __init__(
        self,
        end: ChannelEnd,
        regions: Mapping[int, ShmemRegion],
        running: Callable[[], bool],
    ) -> None:
        self._end = end
        self._regions = regions
        self._running = running
        self.answer = ShmemAnswer.SERVE
        self.config_changes = 0
        self.requests: list[ShmemRequest] = []
        self.violations: list[str] = []
        self.open = True

    def fileno(self) -> int:
        """The socket's descriptor, -1 once closed."""
        return self._end.fileno()

    def close(self) -> None:
        """Close it."""
        self.open = False
        self._end.close()

    def serve(self) -> None:
        """
        Take one message and answer it. Raises BackendError for one that is none.

        A back-end that closes its end just ends the channel.
        """
        try:
            message = self._end.receive()
        except FrontendError as error:
            if isinstance(error.__cause__, TimeoutError) or "announces" in str(error):
                raise BackendError(f"back-end broke its channel: {error}") from error
            self.close()
            return
        try:
            verdict = self._handle(message)
        finally:
            message.close()
        if verdict is not None and message.asks_reply:
            # It may have closed its end without waiting.
            with contextlib.suppress(FrontendError):
                self._end.answer(message, verdict)

    def _handle(self, message: Received) -> int | None:
        """0 for yes, 1 for no, None for no answer at all."""
        name = vu.backend_request_name(message.request)
        size = len(message.payload)
        if size != _PAYLOAD_SIZES.get(message.request, size):
            raise BackendError(f"back-end sent {name} with a payload of {size} bytes")
        if not self._running():
            self.violations.append(f"{name} while the device is stopped: QEMU dies of it")
        if message.request == _CONFIG_CHANGE:
            self.config_changes += 1
            return 0
        if message.request not in _PAYLOAD_SIZES:
            self.violations.append(f"{name} was not negotiated")
            return 1
        return self._shmem(name, message)

    def _shmem(self, name: str, message: Received) -> int | None:
        shmid, fd_offset, offset, length, flags = vu.SHMEM_MMAP.unpack(message.payload)
        writable = bool(flags & vu.SHMEM_WRITABLE)
        refusal = ""
        try:
            region = self._regions.get(shmid)
            if self.answer is not ShmemAnswer.SERVE:
                raise ShmemRefusalError(f"told to {self.answer.value}")
            if region is None:
                raise ShmemRefusalError(f"there is no region {shmid}")
            if message.request == _UNMAP:
                region.unmap(offset, length)
            elif len(message.fds) != 1:
                raise ShmemRefusalError(f"{len(message.fds)} file descriptors came along, not 1")
            else:
                region.map(message.fds[0], fd_offset, offset, length, writable=writable)
        except ShmemRefusalError as error:
            refusal = str(error)
        self.requests.append(
            ShmemRequest(name, shmid, fd_offset, offset, length, writable, refusal)
        )
        if self.answer is ShmemAnswer.STALL:
            return None
        return 1 if refusal else 0
