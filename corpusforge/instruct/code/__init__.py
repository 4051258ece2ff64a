"""Programming problems with solutions and unit tests, written by a model and kept where the tests hold."""
