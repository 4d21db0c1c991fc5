"""
The buffer ioctls passed through: each is a job that makes its calls and translates.

The guest's MMAP buffers lie in our arena. A driver that takes USERPTR works on them itself (zero
copy); for another we map its own buffers and copy once. The guest's USERPTR buffers are copied.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from errno import EBUSY, EINVAL, ENOMEM
from typing import Any

from vmedia_bench.backends.host.buffers import (
    MMAP,
    USERPTR,
    PassedBuffer,
    PassedPlane,
    PassedQueue,
    Whose,
)
from vmedia_bench.backends.host.formats import parse_format
from vmedia_bench.backends.host.session import HostSession
from vmedia_bench.backends.host.translate import (
    BUFFER_SIZE,
    PLANE_SIZE,
    HostBuffer,
    PlanePlace,
    pointer_of,
    to_guest,
    to_host,
)
from vmedia_bench.backends.host.worker import Call, Steps
from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.v4l2.memory import Allocation, GuestBuffer
from vmedia_bench.wire import ioctls
from vmedia_bench.wire.structs import (
    BUFFER,
    CREATE_BUFFERS,
    PLANE,
    REMOVE_BUFFERS,
    REQUESTBUFFERS,
    U32,
)
from vmedia_bench.wire.v4l2 import BufCap, BufType

User = Sequence[GuestBuffer | None]
Operation = Callable[[HostSession, bytearray, User], Steps]

_MMAP_CAP = int(BufCap.SUPPORTS_MMAP)
_USERPTR_CAP = int(BufCap.SUPPORTS_USERPTR)
# What this device has whatever the driver has: a mapping outlives its buffer in the arena.
_OURS = int(BufCap.SUPPORTS_MMAP | BufCap.SUPPORTS_USERPTR | BufCap.SUPPORTS_ORPHANED_BUFS)
_PASSED = int(BufCap.SUPPORTS_MAX_NUM_BUFFERS | BufCap.SUPPORTS_REMOVE_BUFS)
# The sizes of these formats' buffers are in v4l2_format.
_SIZED = frozenset(
    int(kind)
    for kind in BufType
    if kind.name.startswith(("VIDEO_CAPTURE", "VIDEO_OUTPUT", "META", "SDR"))
    and not kind.name.endswith("OVERLAY")
)


def guest_capabilities(host: int) -> int:
    """The `capabilities` of REQBUFS and CREATE_BUFS for what the host's kernel says of its own."""
    return _OURS | host & _PASSED


def reqbufs(session: HostSession, arg: bytearray, _user: User) -> Steps:
    """VIDIOC_REQBUFS."""
    count, buf_type, memory, _, _ = REQUESTBUFFERS.unpack_from(arg)
    queue = session.queue(buf_type)
    _check_memory(memory)
    if queue.streaming:
        raise V4l2Error(EBUSY, "REQBUFS while streaming")
    capabilities = yield from _free(session, queue)
    granted = 0
    if count:
        granted = yield from _request(session, queue, count, memory, capabilities)
    session.ports.sink.drop_dqbufs(session.id, buf_type)
    REQUESTBUFFERS.pack_into(arg, 0, granted, buf_type, memory, guest_capabilities(capabilities), 0)


def create_bufs(session: HostSession, arg: bytearray, _user: User) -> Steps:
    """VIDIOC_CREATE_BUFS; the first buffers of a queue are ours only where that is known to do."""
    _, count, memory, fmt, _, _, _ = CREATE_BUFFERS.unpack_from(arg)
    queue = session.queue(U32.unpack_from(fmt)[0])
    _check_memory(memory)
    if queue.buffers and memory != queue.memory:
        raise V4l2Error(EINVAL, f"the queue has memory type {queue.memory}, not {memory}")
    host_memory = queue.host_memory
    if not queue.buffers:
        tried = session.device.zero_copy.get(queue.type, False)
        host_memory = USERPTR if tried and memory == MMAP else MMAP
    asked = bytearray(CREATE_BUFFERS.pack(0, count, host_memory, fmt, 0, 0, 0))
    yield session.ioctl(ioctls.VIDIOC_CREATE_BUFS, asked)
    first, granted, _, answered, capabilities, _, most = CREATE_BUFFERS.unpack_from(asked)
    if count:
        queue.memory, queue.host_memory = memory, host_memory
        sizes = [plane.sizeimage for plane in parse_format(answered).planes]
        try:
            yield from _add(session, queue, range(first, first + granted), sizes)
        except V4l2Error:
            undo = bytearray(REMOVE_BUFFERS.pack(first, granted, queue.type))
            with suppress(OSError):
                yield session.ioctl(ioctls.VIDIOC_REMOVE_BUFS, undo)
            raise
    CREATE_BUFFERS.pack_into(
        arg, 0, first, granted, memory, answered, guest_capabilities(capabilities), 0, most
    )


def remove_bufs(session: HostSession, arg: bytearray, _user: User) -> Steps:
    """VIDIOC_REMOVE_BUFS, where the host's kernel has it (Linux 6.10)."""
    first, count, buf_type = REMOVE_BUFFERS.unpack_from(arg)
    queue = session.queue(buf_type)
    yield session.ioctl(ioctls.VIDIOC_REMOVE_BUFS, arg)
    gone = [queue.buffers.pop(i) for i in range(first, first + count) if i in queue.buffers]
    yield _unmap(session, gone)
    session.release(gone)
    if not queue.buffers:
        queue.memory = queue.host_memory = 0


def querybuf(session: HostSession, arg: bytearray, _user: User) -> Steps:
    """VIDIOC_QUERYBUF: the driver's words on a buffer, and where it is in the arena."""
    queue, buffer = _addressed(session, arg)
    _check_room(queue, buffer, arg)
    planes = len(buffer.planes) if queue.is_multiplanar else 0
    answer = HostBuffer.blank(buffer.index, queue.type, queue.host_memory, planes)
    yield session.buffer_ioctl(ioctls.VIDIOC_QUERYBUF, answer)
    _answer(session, queue, buffer, answer, arg)


def prepare_buf(session: HostSession, arg: bytearray, user: User) -> Steps:
    """VIDIOC_PREPARE_BUF."""
    queue, buffer, asked = _given(session, arg, user)
    yield session.buffer_ioctl(ioctls.VIDIOC_PREPARE_BUF, asked)
    buffer.whose = Whose.PREPARED
    _answer(session, queue, buffer, asked, arg)


def qbuf(session: HostSession, arg: bytearray, user: User) -> Steps:
    """VIDIOC_QBUF."""
    queue, buffer, asked = _given(session, arg, user)
    yield session.buffer_ioctl(ioctls.VIDIOC_QBUF, asked)
    queue.lent(buffer)
    _answer(session, queue, buffer, asked, arg)


def streamon(session: HostSession, arg: bytearray, _user: User) -> Steps:
    """VIDIOC_STREAMON."""
    (buf_type,) = U32.unpack_from(arg)
    queue = session.queue(buf_type)
    yield session.ioctl(ioctls.VIDIOC_STREAMON, arg)
    queue.started()
    session.learn_interval((yield lambda: session.ask_interval(buf_type)))


def streamoff(session: HostSession, arg: bytearray, _user: User) -> Steps:
    """VIDIOC_STREAMOFF: no DQBUF of this queue follows the answer."""
    (buf_type,) = U32.unpack_from(arg)
    queue = session.queue(buf_type)
    yield session.ioctl(ioctls.VIDIOC_STREAMOFF, arg)
    queue.stopped()
    session.ports.sink.drop_dqbufs(session.id, buf_type)


OPERATIONS: dict[int, Operation] = {
    ioctls.VIDIOC_REQBUFS: reqbufs,
    ioctls.VIDIOC_CREATE_BUFS: create_bufs,
    ioctls.VIDIOC_REMOVE_BUFS: remove_bufs,
    ioctls.VIDIOC_QUERYBUF: querybuf,
    ioctls.VIDIOC_PREPARE_BUF: prepare_buf,
    ioctls.VIDIOC_QBUF: qbuf,
    ioctls.VIDIOC_STREAMON: streamon,
    ioctls.VIDIOC_STREAMOFF: streamoff,
}
"""ioctl number to the job that serves it."""


# Allocation


def _free(session: HostSession, queue: PassedQueue) -> Any:
    """Free all buffers; gives the driver's `capabilities`, 0 when it does not tell."""
    yield _unmap(session, list(queue.buffers.values()))
    memory = queue.host_memory or MMAP
    asked = bytearray(REQUESTBUFFERS.pack(0, queue.type, memory, 0, 0))
    try:
        yield session.ioctl(ioctls.VIDIOC_REQBUFS, asked)
    except OSError as error:
        if error.errno != EINVAL or queue.buffers:
            raise
        # A driver that has no memory of its own.
        asked = bytearray(REQUESTBUFFERS.pack(0, queue.type, USERPTR, 0, 0))
        yield session.ioctl(ioctls.VIDIOC_REQBUFS, asked)
    session.release(list(queue.buffers.values()))
    queue.buffers.clear()
    queue.memory = queue.host_memory = queue.queued = 0
    return REQUESTBUFFERS.unpack_from(asked)[3]


def _request(
    session: HostSession, queue: PassedQueue, count: int, memory: int, capabilities: int
) -> Any:
    """REQBUFS with a count; gives how many buffers there are."""
    host_memory = _host_memory(session, queue.type, memory, capabilities)
    asked = bytearray(REQUESTBUFFERS.pack(count, queue.type, host_memory, 0, 0))
    yield session.ioctl(ioctls.VIDIOC_REQBUFS, asked)
    granted: int = REQUESTBUFFERS.unpack_from(asked)[0]
    queue.memory, queue.host_memory = memory, host_memory
    session.learn_format((yield lambda: session.ask_format(queue.type)))
    sizes = [plane.sizeimage for plane in queue.format.planes]
    try:
        yield from _add(session, queue, range(granted), sizes)
    except V4l2Error:
        yield from _free(session, queue)
        raise
    if not queue.zero_copy or queue.type in session.device.zero_copy:
        return granted
    works = yield from _try_our_memory(session, queue)
    session.device.zero_copy[queue.type] = works
    if works:
        asked = bytearray(REQUESTBUFFERS.pack(count, queue.type, host_memory, 0, 0))
        yield session.ioctl(ioctls.VIDIOC_REQBUFS, asked)
        return granted
    yield from _free(session, queue)
    return (yield from _request(session, queue, count, memory, capabilities))


def _host_memory(session: HostSession, buf_type: int, memory: int, capabilities: int) -> int:
    """The memory type to ask the driver for; `capabilities` 0: it is too old to tell."""
    has_memory = not capabilities or capabilities & _MMAP_CAP
    if memory == USERPTR or buf_type not in _SIZED:
        return MMAP if has_memory else USERPTR
    takes_ours = session.device.allow_zero_copy and capabilities & _USERPTR_CAP
    if takes_ours and session.device.zero_copy.get(buf_type, True):
        return USERPTR
    return MMAP if has_memory else USERPTR


def _try_our_memory(session: HostSession, queue: PassedQueue) -> Any:
    """
    Whether the driver takes a buffer of ours: it may want memory that is contiguous.

    QBUF, as few drivers have PREPARE_BUF; the REQBUFS that follows takes it back.
    """
    buffer = queue.buffers[min(queue.buffers)]
    planes = len(buffer.planes) if queue.is_multiplanar else 0
    blank = HostBuffer.blank(buffer.index, queue.type, queue.memory, planes)
    asked = to_host(blank.head + blank.planes, queue.host_memory, buffer.places)
    if queue.is_output:
        _claim_full(asked, buffer)
    try:
        yield session.buffer_ioctl(ioctls.VIDIOC_QBUF, asked)
    except OSError:
        return False
    return True


def _claim_full(asked: HostBuffer, buffer: PassedBuffer) -> None:
    """Say that every plane of an output buffer is full."""
    if not asked.planes:
        U32.pack_into(asked.head, 8, buffer.planes[0].place.host_length)
    for number, plane in enumerate(buffer.planes if asked.planes else ()):
        U32.pack_into(asked.planes, number * PLANE_SIZE, plane.place.host_length)


def _add(session: HostSession, queue: PassedQueue, indices: range, sizes: Sequence[int]) -> Any:
    """Find the memory of new buffers on both sides. V4l2Error(ENOMEM), and no buffers, else."""
    mappings: list[list[memoryview]] = [[] for _ in indices]
    if queue.host_memory == MMAP:
        mappings = yield _map(session, queue, indices)
    made: list[PassedBuffer] = []
    try:
        for index, mapped in zip(indices, mappings, strict=True):
            lengths = [len(view) for view in mapped] or sizes
            planes = []
            made.append(PassedBuffer(index, ()))
            for number, length in enumerate(lengths):
                mapping = mapped[number] if mapped else None
                planes.append(_plane(session, queue, length, mapping))
                made[-1] = PassedBuffer(index, tuple(planes))
    except MemoryError:
        session.release(made)
        yield lambda: _unmap_all(session, [view for views in mappings for view in views])
        raise V4l2Error(ENOMEM, "the arena is full") from None
    queue.buffers |= {buffer.index: buffer for buffer in made}


def _plane(
    session: HostSession, queue: PassedQueue, length: int, mapping: memoryview | None
) -> PassedPlane:
    allocation: Allocation | None = None
    address = 0
    if queue.memory == MMAP or mapping is None:
        allocation = session.ports.memory.allocate(length)
        if mapping is None:
            address = session.kernel.address(allocation.view) if length else 0
    offset = allocation.offset if allocation is not None and queue.memory == MMAP else 0
    return PassedPlane(PlanePlace(address, length, offset, length), allocation, mapping)


def _map(session: HostSession, queue: PassedQueue, indices: range) -> Call:
    """QUERYBUF and map each plane of the driver's own buffers."""
    count = len(queue.format.planes) if queue.is_multiplanar else 0

    def call() -> list[list[memoryview]]:
        found: list[list[memoryview]] = []
        for index in indices:
            buffer = HostBuffer.blank(index, queue.type, queue.host_memory, count)
            session.buffer_ioctl(ioctls.VIDIOC_QUERYBUF, buffer)()
            found.append(
                [session.kernel.map(session.fd, length, m) for length, m in _extents(buffer)]
            )
        return found

    return call


def _extents(buffer: HostBuffer) -> list[tuple[int, int]]:
    """The length and mem_offset of each plane that QUERYBUF told of."""
    if not buffer.planes:
        fields = BUFFER.unpack_from(buffer.head)
        return [(fields[11], fields[10] & 0xFFFFFFFF)]
    found = []
    for at in range(0, len(buffer.planes), PLANE_SIZE):
        _, length, m, _ = PLANE.unpack_from(buffer.planes, at)
        found.append((length, m & 0xFFFFFFFF))
    return found


def _unmap(session: HostSession, buffers: Sequence[PassedBuffer]) -> Call:
    """End the mappings of the driver's own buffers."""
    mappings = []
    for buffer in buffers:
        for plane in buffer.planes:
            if plane.mapping is not None:
                mappings.append(plane.mapping)
                plane.mapping = None
    return lambda: _unmap_all(session, mappings)


def _unmap_all(session: HostSession, mappings: Sequence[memoryview]) -> None:
    for mapping in mappings:
        session.kernel.unmap(mapping)


# A buffer's way


def _check_memory(memory: int) -> None:
    if memory not in {MMAP, USERPTR}:
        raise V4l2Error(EINVAL, f"memory type {memory} is not supported")


def _addressed(session: HostSession, arg: bytearray) -> tuple[PassedQueue, PassedBuffer]:
    index, buf_type, *_ = BUFFER.unpack_from(arg)
    queue = session.queue(buf_type)
    buffer = queue.buffers.get(index)
    if buffer is None:
        raise V4l2Error(EINVAL, f"there is no buffer {index}")
    return queue, buffer


def _check_room(queue: PassedQueue, buffer: PassedBuffer, arg: bytearray) -> None:
    room = (len(arg) - BUFFER_SIZE) // PLANE_SIZE
    if queue.is_multiplanar and room < len(buffer.planes):
        raise V4l2Error(EINVAL, f"an array of {room} planes, the buffer has {len(buffer.planes)}")


def _given(
    session: HostSession, arg: bytearray, user: User
) -> tuple[PassedQueue, PassedBuffer, HostBuffer]:
    """What QBUF or PREPARE_BUF is about, its contents taken over from the guest."""
    queue, buffer = _addressed(session, arg)
    fields = BUFFER.unpack_from(arg)
    if fields[9] != queue.memory:
        raise V4l2Error(EINVAL, f"memory type {fields[9]} in a queue of {queue.memory}")
    if buffer.whose is Whose.HOST:
        raise V4l2Error(EINVAL, f"buffer {buffer.index} is queued already")
    asked = to_host(arg, queue.host_memory, buffer.places)
    if queue.memory == USERPTR:
        _lend_user_memory(queue, buffer, arg, user)
    if queue.is_output and buffer.whose is not Whose.PREPARED:
        used = asked.bytesused()
        for plane, length in zip(buffer.planes, used, strict=False):
            plane.take(length or plane.place.length)
    return queue, buffer, asked


def _lend_user_memory(queue: PassedQueue, buffer: PassedBuffer, arg: bytearray, user: User) -> None:
    """Take over where the guest's USERPTR planes are. V4l2Error(EINVAL) when they are too short."""
    given = []
    for number in range(len(buffer.planes)):
        if queue.is_multiplanar:
            _, length, m, _ = PLANE.unpack_from(arg, BUFFER_SIZE + number * PLANE_SIZE)
        else:
            m, length = BUFFER.unpack_from(arg)[10:12]
        memory = user[number] if number < len(user) else None
        least = buffer.planes[number].place.host_length
        if memory is None or memory.length != length or length < least:
            raise V4l2Error(EINVAL, f"{length} bytes lent for a plane of {least}")
        given.append((m, length, memory))
    for plane, (m, length, memory) in zip(buffer.planes, given, strict=True):
        plane.place.m, plane.place.length, plane.target = m, length, memory


def _answer(
    session: HostSession,
    queue: PassedQueue,
    buffer: PassedBuffer,
    answer: HostBuffer,
    arg: bytearray,
) -> None:
    """Tell the guest what the driver said of a buffer."""
    session.note(queue, buffer, answer)
    head, planes = to_guest(
        answer,
        queue.memory,
        buffer.places,
        mapped=session.is_mapped(buffer),
        pointer=pointer_of(arg),
    )
    arg[:BUFFER_SIZE] = head
    arg[BUFFER_SIZE : BUFFER_SIZE + len(planes)] = planes
