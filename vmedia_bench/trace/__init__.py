"""Recording, reading and exporting the traffic between driver and device."""
