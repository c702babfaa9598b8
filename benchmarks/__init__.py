"""Measures what this project promises about speed, beside the limit and beside its peers."""
