"""The ledger: every balance changes through an immutable posting, and through nothing else."""
