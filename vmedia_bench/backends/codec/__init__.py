"""
The codec backend: a stateful video decoder or encoder, as memory-to-memory hardware has them.

Source: the V4L2 UAPI documentation, "Memory-to-Memory Stateful Video Decoder Interface" and
"Memory-to-Memory Stateful Video Encoder Interface". FFmpeg does the coding, by PyAV, in one helper
process a session (`decoding`, `encoding`); the device side is `decoder`, `encoder` and what both
have in common, `session` and `link`.
"""
