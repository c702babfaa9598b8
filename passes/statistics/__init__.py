"""What a merchant's business with its cards comes to."""
