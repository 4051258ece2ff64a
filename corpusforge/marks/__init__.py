"""Marks of machine text, as columns beside documents: a detector's band, curvature, a watermark's z-score."""
