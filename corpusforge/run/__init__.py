"""The pretrain journey: one module a stage directory, and what runs, skips and resumes them."""
