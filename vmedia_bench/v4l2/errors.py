"""The one exception that carries an errno to the guest."""

from vmedia_bench.wire.errno_names import errno_name


class V4l2Error(Exception):
    """
    A guest's mistake, or a refusal V4L2 has an errno for: answered, recorded, never fatal.

    `errno` is positive, as in the `status` of a virtio-media response; `why` is one line for
    the operator and never reaches the guest.
    """

    def __init__(self, errno: int, why: str = "") -> None:
        super().__init__(errno, why)
        self.errno = errno
        self.why = why

    def __str__(self) -> str:
        return f"{errno_name(self.errno)}: {self.why}" if self.why else errno_name(self.errno)
