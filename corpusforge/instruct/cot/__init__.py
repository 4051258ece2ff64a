"""Chain-of-thought data: sampled reasoning, its answer checked, its copies merged (`docs/cot.md`)."""
