"""The demo merchant, Café Kranz: all eight kinds of card, and ninety days of history."""
