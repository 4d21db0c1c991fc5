"""The bench's side of the control API: a JSON-RPC server and what each operation does."""
