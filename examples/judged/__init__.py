"""A judged classifier, offline: documents, judgements written by hand, and their journal."""
