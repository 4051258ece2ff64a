"""A reward model from rankings: `python -m examples.reward_model --data training --steps 50`."""
