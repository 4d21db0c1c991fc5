"""The transport: guest memory, split virtqueues and vhost-user sockets, both ends of each."""
