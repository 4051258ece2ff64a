"""Toxicity: the hashed words of `hashed_logreg` alone, on short windows; 1 means toxic."""
