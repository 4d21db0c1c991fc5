"""The codec that the options ask for."""

from vmedia_bench.backends.codec.decoder import DecoderSource
from vmedia_bench.backends.codec.encoder import EncoderSource
from vmedia_bench.backends.codec.options import CodecOptions, unusable
from vmedia_bench.backends.codec.session import CodecSession


def make_source(options: CodecOptions) -> CodecSession:
    """Make it; ValueError where it cannot run."""
    why = unusable()
    if why:
        raise ValueError(why)
    return DecoderSource(options) if options.direction == "decoder" else EncoderSource(options)
