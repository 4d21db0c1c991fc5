"""What authors of backends test with: a served device, and a suite that holds it to V4L2."""

from vmedia_bench.testing.served import Served, guest_session

__all__ = ["Served", "guest_session"]
