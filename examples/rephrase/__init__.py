"""Rephrasing, offline: documents, replies written by hand, and the journals that they make."""
