"""log.*; live.subscribe is a client's own."""

from vmedia_bench.control.operations.live import Log, LogParams
from vmedia_bench.control.server.workbench import Handlers, Workbench


def _read(bench: Workbench, params: LogParams) -> Log:
    return Log(lines=bench.log.read(params.after, params.limit))


HANDLERS: Handlers = {"log.read": _read}
