"""A quality classifier that learns from a model's judgement of a sample of documents."""
