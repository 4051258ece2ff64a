"""Examples that run: the embedded sample corpus."""
