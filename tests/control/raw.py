"""A client without manners: bytes in, lines out."""

import json
import socket
from pathlib import Path
from types import TracebackType
from typing import Any, Self

LIMIT_S = 20.0


class RawClient:
    """A socket connected to a control socket."""

    def __init__(self, path: Path) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(LIMIT_S)
        self.sock.connect(str(path))
        self._file = self.sock.makefile("rb")

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.sock.sendall(data)

    def ask(self, value: object) -> Any:
        """Send a JSON value as a line; the line that comes back."""
        self.send(json.dumps(value).encode() + b"\n")
        return self.line()

    def request(self, method: str, params: object = None, request_id: object = 1) -> Any:
        """Call a method; the whole answer."""
        request = {"jsonrpc": "2.0", "id": request_id, "method": method}
        return self.ask(request if params is None else request | {"params": params})

    def line(self) -> Any:
        """The next line's JSON. EOFError when the server has closed."""
        line = self._file.readline()
        if not line:
            raise EOFError
        return json.loads(line)

    def at_end(self) -> bool:
        """Whether the server has closed, whatever else it sent before."""
        try:
            while self._file.read(1 << 16):
                pass
        except ConnectionResetError:
            pass
        return True

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self.sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
