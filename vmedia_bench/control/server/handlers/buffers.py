"""buffers.*"""

from vmedia_bench.control.operations.buffers import BufferParams, QueueList
from vmedia_bench.control.server.describe import queue_states
from vmedia_bench.control.server.handlers.sessions import open_session
from vmedia_bench.control.server.workbench import Handlers, Workbench


def _list(bench: Workbench, params: BufferParams) -> QueueList:
    session = params.session
    if session is None:
        return QueueList(queues=queue_states(bench))
    open_session(bench, session)
    states = queue_states(bench, session)
    return QueueList(queues=tuple(state for state in states if state.session == session))


HANDLERS: Handlers = {"buffers.list": _list}
