"""A camera of this system for vmedia-bench, read with the pyv4l2 package."""
