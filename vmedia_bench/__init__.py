"""vmedia-bench: a workbench that hosts a vhost-user virtio-media device for a running VM."""

__version__ = "0.1.0"
