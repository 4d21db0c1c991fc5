"""The control API: what an operator can do, declared once; its server and its clients."""
