"""What the kernel's V4L2 core is to a driver: sources declare, this room enforces."""
