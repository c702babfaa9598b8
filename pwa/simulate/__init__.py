"""A small honest browser with a push service of its own, for people who have no phone at hand."""
