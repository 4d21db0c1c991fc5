"""The structures of the wire, declared with ``construct`` for people; never on the hot path."""
