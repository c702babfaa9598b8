"""A small honest Android phone and its Google account, for people who have none at hand."""
