"""The demo merchant, Café Kranz: two card templates, forty customers, ninety days of history."""
