"""Rewards, what customers claim of them, and activities that earn points without a sale."""
