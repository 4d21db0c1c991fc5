"""What a VMM has to be told to find a bench. Only the standard library."""
