"""Modes of instruction data: where tasks come from, from task files and labelled sets to personas."""
