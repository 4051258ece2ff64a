"""GPT-3's classifier: hashed tokens and logistic regression, and the shape of prose."""
