"""A small honest phone: does over HTTP what an iPhone does, for people who have none at hand."""
