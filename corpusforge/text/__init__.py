"""One meaning of "word", "line" and "sentence", for Latin and Chinese alike, and packed UTF-8 batches."""
