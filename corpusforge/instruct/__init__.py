"""Instruction and chain-of-thought data, grown from seed tasks by a model."""
