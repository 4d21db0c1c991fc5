"""
The control protocol, for both ends: JSON-RPC 2.0, one object a line, UTF-8.

Source: the JSON-RPC 2.0 specification. Parameters go by name. Only the standard library.
"""

from enum import IntEnum

VERSION = "2.0"
LIVE_METHOD = "live"
"""The notification that subscribers get."""
MAX_LINE = 1 << 20
"""Bytes of a line that the server reads at most, the newline included."""
MAX_BATCH = 100
"""Requests in a batch."""


class ErrorCode(IntEnum):
    """What an error's code means: negative ones are the standard's, the others are ours."""

    PARSE_ERROR = -32700
    """The line is no JSON."""
    INVALID_REQUEST = -32600
    """The JSON is no request."""
    METHOD_NOT_FOUND = -32601
    """No such method; `data` has the near names."""
    INVALID_PARAMS = -32602
    """The message names the field and what was wrong; so does `data`."""
    INTERNAL_ERROR = -32603
    """A mistake of the bench; its log has more."""
    NOT_FOUND = 1
    """No such session, buffer, control, rule, ...; `data` has those there are."""
    REFUSED = 2
    """It would end or crash something, and that was not allowed."""
    TIMEOUT = 3
    """What was waited for did not come."""
    UNUSABLE = 4
    """A backend cannot run, a file cannot be written: the machine has to change first."""
    FAILED = 5
    """It was tried, and failed."""


class RpcError(Exception):
    """An error as it goes over the socket: the message is the one line that a user reads."""

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data
