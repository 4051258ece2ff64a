"""Tool calls without a model: texts and replies written by hand, losses of a small model in the journal."""
