"""The format of Apple's passes: all keys and styles, a validator, and the import of templates."""
