"""A /dev/videoN of this system, passed through to the guest."""
