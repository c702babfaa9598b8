"""What must hold of the repository as a whole and no linter knows; ``make check`` runs it."""
