"""The virtio-media device: sessions, dispatch, mappings and events; no I/O and no clock."""
