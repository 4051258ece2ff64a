"""Runnable entry points: options and wiring, nothing else."""
