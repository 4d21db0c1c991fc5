"""
V4L2 events: who subscribed to what, and the v4l2_event each of them gets.

Source: the V4L2 UAPI documentation, "VIDIOC_SUBSCRIBE_EVENT, VIDIOC_UNSUBSCRIBE_EVENT" and
"VIDIOC_DQEVENT"; the virtio specification sends what DQEVENT would return as an event.
"""

from collections.abc import Callable
from errno import EINVAL, ENOMEM
from struct import Struct
from typing import Protocol

from vmedia_bench.v4l2.errors import V4l2Error
from vmedia_bench.wire.structs import EVENT, EVENT_FRAME_SYNC, EVENT_SRC_CHANGE, EVENT_SUBSCRIPTION
from vmedia_bench.wire.v4l2 import EventSubFlag, EventType

# Bounds what one guest can make us hold; more than any device has controls.
MAX_SUBSCRIPTIONS = 512
NSEC_PER_SEC = 1_000_000_000

_ALL = int(EventType.ALL)
_CTRL = int(EventType.CTRL)
_EOS = int(EventType.EOS)
_FRAME_SYNC = int(EventType.FRAME_SYNC)
_SOURCE_CHANGE = int(EventType.SOURCE_CHANGE)
_SEND_INITIAL = int(EventSubFlag.SEND_INITIAL)
_ALLOW_FEEDBACK = int(EventSubFlag.ALLOW_FEEDBACK)

_STAMP = Struct("<IIqq")
_STAMP_OFFSET = 72  # v4l2_event: pending, sequence, timestamp

Key = tuple[int, int]
"""(event type, id)"""


class EventSink(Protocol):
    """Where events go; the device implements it and has a bounded queue for each session."""

    def dqbuf(self, session_id: int, buffer: bytes, planes: bytes) -> None:
        """Take a DQBUF: 88 bytes of v4l2_buffer, 64 bytes a plane (none when single-planar)."""
        ...

    def event(self, session_id: int, event: bytes) -> None:
        """Take a v4l2_event of 136 bytes; one that waits for the same (type, id) is merged."""
        ...

    def error(self, session_id: int, errno: int) -> None:
        """Take the session's end: nothing but CLOSE may follow."""
        ...

    def drop_dqbufs(self, session_id: int, buf_type: int) -> None:
        """Forget the DQBUFs of one queue that are not delivered yet."""
        ...

    def frames_lost(self, count: int) -> None:
        """Count frames that had no buffer, came too late, or were not wanted."""
        ...

    def frame_wanted(self, session_id: int | None, buf_type: int) -> bool:
        """Say whether the frame that is due on a queue is to be made; False: it is lost."""
        ...


class Subscriber:
    """What one session subscribed to; `sequence` counts the events it was sent."""

    __slots__ = ("sequence", "subscriptions")

    def __init__(self) -> None:
        self.subscriptions: dict[Key, int] = {}
        self.sequence = 0


class EventHub:
    """
    The subscriptions of all sessions of a context, and the sending of events to them.

    `supported` are the EventTypes the source has beside CTRL; `initial` gives the event that
    tells a control's present state: None for a class title, V4l2Error(EINVAL) for no control.
    """

    def __init__(
        self,
        sink: EventSink,
        now: Callable[[], int],
        supported: frozenset[int],
        initial: Callable[[int], bytes | None],
    ) -> None:
        self._sink = sink
        self._now = now
        self.supported = supported
        self._initial = initial
        self._subscribers: dict[int, Subscriber] = {}
        self.frame_sync_wanted = False

    def subscribe(self, session_id: int, arg: bytearray) -> None:
        """
        VIDIOC_SUBSCRIBE_EVENT; subscribing twice changes nothing, SEND_INITIAL goes out at once.

        V4l2Error: EINVAL for ALL, for an event we never send and for an unknown control, ENOMEM
        beyond MAX_SUBSCRIPTIONS.
        """
        kind, event_id, flags = EVENT_SUBSCRIPTION.unpack_from(arg)
        initial = None
        if kind == _CTRL:
            initial = self._initial(event_id)
        elif kind not in self.supported:
            raise V4l2Error(EINVAL, f"event type {kind} cannot be subscribed to")
        subscriber = self._subscribers.setdefault(session_id, Subscriber())
        key = (kind, event_id)
        if key in subscriber.subscriptions:
            return
        if len(subscriber.subscriptions) >= MAX_SUBSCRIPTIONS:
            raise V4l2Error(ENOMEM, f"{MAX_SUBSCRIPTIONS} event subscriptions")
        subscriber.subscriptions[key] = flags
        self._subscriptions_changed()
        if initial is not None and flags & _SEND_INITIAL:
            self._send(session_id, subscriber, initial)

    def unsubscribe(self, session_id: int, arg: bytearray) -> None:
        """VIDIOC_UNSUBSCRIBE_EVENT; ALL ends all, and what was not subscribed is no error."""
        kind, event_id, _ = EVENT_SUBSCRIPTION.unpack_from(arg)
        subscriber = self._subscribers.get(session_id)
        if subscriber is None:
            return
        if kind == _ALL:
            subscriber.subscriptions.clear()
        else:
            subscriber.subscriptions.pop((kind, event_id), None)
        self._subscriptions_changed()

    def forget(self, session_id: int) -> None:
        """Drop a session that has closed."""
        self._subscribers.pop(session_id, None)
        self._subscriptions_changed()

    def controls_replaced(self) -> None:
        """Tell subscribers how their controls stand now; those of controls that went are ended."""
        for session_id, subscriber in self._subscribers.items():
            for kind, event_id in list(subscriber.subscriptions):
                if kind != _CTRL:
                    continue
                try:
                    event = self._initial(event_id)
                except V4l2Error:
                    del subscriber.subscriptions[kind, event_id]
                    continue
                if event is not None:
                    self._send(session_id, subscriber, event)

    def subscriptions(self, session_id: int) -> tuple[Key, ...]:
        """List what a session subscribed to, as (type, id)."""
        subscriber = self._subscribers.get(session_id)
        return tuple(subscriber.subscriptions) if subscriber else ()

    def emit(self, origin: int | None, event: bytes) -> None:
        """
        Send a v4l2_event of 136 bytes to every subscriber; sequence and timestamp are filled in.

        The session that caused it (`origin`) is left out unless it asked for feedback.
        """
        kind, _, _, _, _, _, event_id = EVENT.unpack(event)
        key = (kind, event_id)
        for session_id, subscriber in self._subscribers.items():
            flags = subscriber.subscriptions.get(key)
            if flags is None or (session_id == origin and not flags & _ALLOW_FEEDBACK):
                continue
            self._send(session_id, subscriber, event)

    def end_of_stream(self) -> None:
        """Send V4L2_EVENT_EOS."""
        self.emit(None, _event(_EOS, b""))

    def source_change(self, changes: int) -> None:
        """Send V4L2_EVENT_SOURCE_CHANGE with SrcChange bits (for input 0)."""
        self.emit(None, _event(_SOURCE_CHANGE, EVENT_SRC_CHANGE.pack(changes)))

    def frame_sync(self, sequence: int) -> None:
        """Send V4L2_EVENT_FRAME_SYNC: the frame of this sequence number begins."""
        self.emit(None, _event(_FRAME_SYNC, EVENT_FRAME_SYNC.pack(sequence)))

    def _send(self, session_id: int, subscriber: Subscriber, event: bytes) -> None:
        """Nothing is pending behind an event: the guest's own kernel queues them."""
        stamped = bytearray(event)
        seconds, nanoseconds = divmod(self._now(), NSEC_PER_SEC)
        _STAMP.pack_into(stamped, _STAMP_OFFSET, 0, subscriber.sequence, seconds, nanoseconds)
        subscriber.sequence = (subscriber.sequence + 1) & 0xFFFFFFFF
        self._sink.event(session_id, bytes(stamped))

    def _subscriptions_changed(self) -> None:
        self.frame_sync_wanted = any(
            kind == _FRAME_SYNC
            for subscriber in self._subscribers.values()
            for kind, _ in subscriber.subscriptions
        )


def _event(kind: int, payload: bytes) -> bytes:
    return EVENT.pack(kind, payload, 0, 0, 0, 0, 0)
