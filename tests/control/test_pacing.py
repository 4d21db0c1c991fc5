"""A busy guest is not interrupted by every request on its own."""

from vmedia_bench.control.server.pacing import PAUSE_NS, Pacing


class Guest:
    """A guest that is busy or not, and a clock."""

    def __init__(self) -> None:
        self.busy = True
        self.now = 0
        self.pacing = Pacing(lambda: self.busy, lambda: self.now)


def test_the_first_request_is_served_at_once() -> None:
    assert Guest().pacing.wait_ns() == 0


def test_the_next_one_waits_for_others_while_the_guest_is_busy() -> None:
    guest = Guest()
    guest.pacing.served()
    assert guest.pacing.wait_ns() == PAUSE_NS
    guest.now += PAUSE_NS - 1
    assert guest.pacing.wait_ns() == 1
    guest.now += 1
    assert guest.pacing.wait_ns() == 0
    guest.now += PAUSE_NS
    assert guest.pacing.wait_ns() == 0


def test_nothing_waits_for_a_guest_that_pauses() -> None:
    guest = Guest()
    guest.pacing.served()
    guest.busy = False
    assert guest.pacing.wait_ns() == 0
