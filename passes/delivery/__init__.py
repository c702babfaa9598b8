"""Brings passes up to date: due rows are claimed, pushed, and their receipts recorded."""
