"""What can go wrong between a front-end and its back-end, by whose fault and how far it reaches."""


class VhostError(Exception):
    """Base of this room's exceptions; the text is one line for the operator."""


class GuestAddressError(VhostError, OSError):
    """
    An address or length does not lie within one region of guest memory.

    An OSError too, so that rooms which know no vhost can tell it from a bug.
    """


class GuestMemoryLostError(GuestAddressError):
    """The file behind a region became shorter than the region: nothing in it can be trusted."""


class MemoryTableError(VhostError):
    """A region of a memory table cannot be accepted; the table in use stays as it was."""


class RingCorruptError(VhostError):
    """The ring itself is broken: it stops until the front-end starts it again."""


class ChainRefusedError(VhostError):
    """One descriptor chain is bad: it goes back with used length 0 and the ring carries on."""


class ProtocolViolationError(VhostError):
    """The front-end broke the protocol in a way that only closing the connection mends."""


class RequestRefusedError(VhostError):
    """A well-formed message asks for what cannot be; refused by reply, or closed without one."""


class FrontendError(VhostError):
    """The front-end's side: the back-end refused, answered nonsense, or closed the connection."""


class SocketSetupError(VhostError):
    """The listening socket cannot be had; the text names what to change."""
