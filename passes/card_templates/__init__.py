"""What a merchant designs: kind of card, look, texts, rules, form and limits, in versions."""
