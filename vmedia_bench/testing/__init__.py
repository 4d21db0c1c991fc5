"""
What authors of backends test with; needs pytest.

`BackendConformance` holds a backend to what guests expect, `Served` and `guest_session` are for
tests of one's own.
"""

from vmedia_bench.testing.conformance import BackendConformance
from vmedia_bench.testing.served import Served, guest_session

__all__ = ["BackendConformance", "Served", "guest_session"]
