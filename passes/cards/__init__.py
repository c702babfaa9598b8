"""Cards: issued, linked, installed, expired, deleted; and what must be told to the wallets."""
