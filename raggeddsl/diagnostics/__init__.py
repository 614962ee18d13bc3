"""What is said to people: findings with a place in a text, drawn with carets, collected, raised once."""
