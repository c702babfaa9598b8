"""Customers bring friends: who recommended whom, and what both get for it (D.9)."""
