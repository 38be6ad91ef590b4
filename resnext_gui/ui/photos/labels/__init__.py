"""Labels: the panel at the left, and giving them."""
