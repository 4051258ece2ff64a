"""Documents rewritten by a model in other styles, each checked against the passage that it came from."""
