"""The driver side: a built-in guest, VMM and virtio-media driver in one."""
