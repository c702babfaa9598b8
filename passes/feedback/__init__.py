"""What customers say of their visits: one to five stars, and words if they like (D.16)."""
