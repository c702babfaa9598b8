"""Toy certificates and accounts in the vendors' own shapes, for work without any of them."""
