"""Merchants: the business, its locations, staff, API keys and secrets, and the directory."""
