"""Evol-Instruct: tasks made harder or rarer step by step, by a model, with an eliminator."""
