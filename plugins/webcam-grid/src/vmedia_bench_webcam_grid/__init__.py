"""A camera for vmedia-bench that shows several others side by side."""
