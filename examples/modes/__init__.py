"""All modes of instruction data, offline: hand-written tasks, sets and replies."""
