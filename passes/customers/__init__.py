"""Customers of a merchant: who they are, how they are found again, what they consented to."""
