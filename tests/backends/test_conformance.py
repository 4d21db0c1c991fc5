"""Our own backends pass the suite that we offer to others."""

from vmedia_bench.backends.pattern.options import PatternOptions
from vmedia_bench.backends.worker.source import WorkerSource
from vmedia_bench.testing import BackendConformance
from vmedia_bench.v4l2.ports import NodeMaker


class TestPattern(BackendConformance):
    backend = "pattern"
    options = {"size": "160x120"}


class TestUnpacedPattern(BackendConformance):
    backend = "pattern"
    options = {"size": "160x120", "fps": "0"}


class TestMultiplanarPattern(BackendConformance):
    backend = "pattern"
    options = {"size": "160x120", "mplane": "yes"}


class TestPatternInAProcess(BackendConformance):
    @classmethod
    def maker(cls) -> NodeMaker:
        return WorkerSource(
            "vmedia_bench.backends.pattern.source:PatternSource",
            PatternOptions(size=(160, 120)),
            name="pattern",
        )


class TestSink(BackendConformance):
    backend = "sink"


class TestLoopback(BackendConformance):
    backend = "loopback"
