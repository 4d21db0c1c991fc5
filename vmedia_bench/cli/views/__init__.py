"""Results of operations as text for people. Plain dicts in, lines out; nothing slow imported."""
