"""A classifier fitted to a model's judgement of a sample, by a rubric (FineWeb-Edu's way)."""
