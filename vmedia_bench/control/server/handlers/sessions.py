"""sessions.* and subscriptions.*"""

from collections import Counter
from collections.abc import Callable

from vmedia_bench.control.operation import Nothing
from vmedia_bench.control.operations.sessions import (
    SessionDetail,
    SessionList,
    SessionParams,
    SessionPhase,
    SessionRow,
    Subscription,
    SubscriptionList,
    SubscriptionParams,
)
from vmedia_bench.control.rpc import ErrorCode, RpcError
from vmedia_bench.control.server.describe import memory_name
from vmedia_bench.control.server.quick import quick
from vmedia_bench.control.server.spelling import name_of
from vmedia_bench.control.server.workbench import Handlers, Workbench
from vmedia_bench.device.sessions import Session
from vmedia_bench.v4l2.node import VideoNode
from vmedia_bench.v4l2.snapshot import QueueSnapshot, SessionSnapshot
from vmedia_bench.wire.controls import cid_name
from vmedia_bench.wire.errno_names import errno_name
from vmedia_bench.wire.v4l2 import BufType, Colorspace, Field, fourcc_name
from vmedia_bench.wire.v4l2_controls import EventType

Queues = tuple[QueueSnapshot, ...]
_SessionRow = quick(SessionRow)


def open_session(bench: Workbench, session_id: int) -> Session:
    """The open session of that ID; RpcError(NOT_FOUND) names those that are open."""
    session = bench.device.sessions.get(session_id)
    if session is not None:
        return session
    ids = [each.id for each in bench.device.sessions.all()]
    shown = ", ".join(map(str, ids)) if ids else "none"
    raise RpcError(
        ErrorCode.NOT_FOUND, f"session {session_id} is not open (open: {shown})", {"open": ids}
    )


def session_rows(bench: Workbench) -> tuple[SessionRow, ...]:
    """All open sessions, by ID."""
    snapshots = {each.id: each for each in bench.device.node.sessions()}
    done = Counter(session for session, _, _ in bench.device.events.waiting_dqbufs())
    queues_of = _queue_finder(bench)
    return tuple(
        _row(bench, session, queues_of(session), session.id in snapshots, done[session.id])
        for session in bench.device.sessions.all()
    )


def _row(bench: Workbench, session: Session, queues: Queues, works: bool, done: int) -> SessionRow:
    owned = [queue for queue in queues if queue.owner == session.id]
    shown = (owned or queues)[0].format if queues else None
    return _SessionRow(
        id=session.id,
        phase=_phase(session, owned),
        age_s=(bench.now() - session.opened_ns) / 1e9,
        queue=", ".join(name_of(BufType, queue.type) for queue in owned),
        format=fourcc_name(shown.pixelformat) if shown else "",
        width=shown.width if shown else 0,
        height=shown.height if shown else 0,
        fps=max((bench.rates.rate(queue) for queue in owned), default=0.0),
        buffers=sum(len(queue.buffers) for queue in owned),
        queued=sum(queue.queued for queue in owned),
        done=done,
        frames=sum(queue.frames for queue in owned),
        dropped=sum(queue.dropped for queue in owned),
        commands=session.commands,
        last_errno=errno_name(session.last_errno) if session.last_errno else "",
        failed_with=errno_name(session.failed_with) if session.failed_with else "",
        preview=works and bench.device.newest_frame(session.id) is not None,
    )


def _queue_finder(bench: Workbench) -> Callable[[Session], Queues]:
    """What gives the queues that a session works on; a failed one shows the node's, if any."""
    node = bench.device.node
    shared = node.queues()
    if isinstance(node, VideoNode) and node.context() is not None:
        # All sessions of a camera work on the same queues, and there may be hundreds.
        return lambda _session: shared
    return lambda session: shared if session.failed_with else node.queues(session.id)


def _phase(session: Session, owned: list[QueueSnapshot]) -> SessionPhase:
    if session.failed_with:
        return SessionPhase.FAILED
    if any(queue.streaming for queue in owned):
        return SessionPhase.STREAMING
    return SessionPhase.BUFFERS if any(queue.buffers for queue in owned) else SessionPhase.OPEN


def _subscriptions(snapshot: SessionSnapshot) -> tuple[Subscription, ...]:
    return tuple(
        Subscription(
            session=snapshot.id,
            type=name_of(EventType, kind),
            id=event_id,
            name=f"V4L2_CID_{cid_name(event_id)}" if kind == EventType.CTRL else "",
        )
        for kind, event_id in sorted(snapshot.subscriptions)
    )


def _show(bench: Workbench, params: SessionParams) -> SessionDetail:
    session = open_session(bench, params.session)
    queues = _queue_finder(bench)(session)
    owned = [queue for queue in queues if queue.owner == session.id]
    queue = next(iter(owned or queues), None)
    snapshot = next((each for each in bench.device.node.sessions() if each.id == session.id), None)
    row = next(row for row in session_rows(bench) if row.id == session.id)
    fmt = queue.format if queue else None
    return SessionDetail(
        session=row,
        subscriptions=_subscriptions(snapshot) if snapshot else (),
        interval_s=float(queue.interval) if queue else 0.0,
        bytesperline=tuple(plane.bytesperline for plane in fmt.planes) if fmt else (),
        sizeimage=tuple(plane.sizeimage for plane in fmt.planes) if fmt else (),
        field=name_of(Field, fmt.field) if fmt else "",
        colorspace=name_of(Colorspace, fmt.colorspace) if fmt else "",
        memory=", ".join(filter(None, {memory_name(each) for each in owned})),
    )


def _list(bench: Workbench, _params: Nothing) -> SessionList:
    return SessionList(sessions=session_rows(bench))


def _subscription_list(bench: Workbench, params: SubscriptionParams) -> SubscriptionList:
    if params.session is not None:
        open_session(bench, params.session)
    return SubscriptionList(
        subscriptions=tuple(
            subscription
            for snapshot in bench.device.node.sessions()
            if params.session in {None, snapshot.id}
            for subscription in _subscriptions(snapshot)
        )
    )


HANDLERS: Handlers = {
    "sessions.list": _list,
    "sessions.show": _show,
    "subscriptions.list": _subscription_list,
}
