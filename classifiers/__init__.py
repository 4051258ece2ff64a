"""What is trained: one folder a classifier, each with its recipe, floors and command lines."""
