"""Replay: a recorded guest's commands, given to any vhost-user media back-end, and compared."""
