"""Small real servers that stand for the vendors, on loopback."""
