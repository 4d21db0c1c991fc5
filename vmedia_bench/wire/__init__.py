"""Byte layouts and constants of vhost-user, virtio-media and V4L2: no I/O, no state."""
