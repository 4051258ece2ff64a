"""Labelling jobs out, rankings in, files for reward models."""
