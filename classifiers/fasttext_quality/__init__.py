"""DCLM's classifier: fastText over words and word pairs."""
