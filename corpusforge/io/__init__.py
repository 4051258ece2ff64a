"""Readers yield, writers replace atomically; local paths at once, s3:// and gs:// through Beam."""
