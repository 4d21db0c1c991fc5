"""The declarations, one module a noun. Only the standard library: a command has to start fast."""
