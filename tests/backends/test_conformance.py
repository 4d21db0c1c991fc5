"""Our own backends pass the suite that we offer to others."""

from collections.abc import Iterator

import pytest
from PIL import Image

from vmedia_bench.backends.pattern.options import PatternOptions
from vmedia_bench.backends.worker.source import WorkerSource
from vmedia_bench.testing import BackendConformance, Served
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


class TestCodec(BackendConformance):
    backend = "codec"


class TestFile(BackendConformance):
    backend = "file"

    @pytest.fixture(scope="class")
    @classmethod
    def served(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
        picture = tmp_path_factory.mktemp("file") / "picture.png"
        Image.linear_gradient("L").resize((160, 120)).save(picture)
        cls.options = {"path": str(picture), "size": "160x120"}
        with Served(cls.maker()) as served:
            yield served
        assert served.failures == []
