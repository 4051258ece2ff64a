"""A transformer encoder over bytes, or from a local Hugging Face directory."""
