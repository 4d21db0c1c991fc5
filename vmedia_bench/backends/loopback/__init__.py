"""The loopback backend: what is queued on the output comes out of the capture queue."""
