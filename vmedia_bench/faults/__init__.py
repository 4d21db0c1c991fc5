"""Rules that change what the device answers, and the scenario files that use them."""
