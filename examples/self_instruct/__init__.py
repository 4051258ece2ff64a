"""The offline demonstration of Self-Instruct: replies written by hand, and the journal made of them."""
