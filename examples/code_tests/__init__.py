"""Problems with tests without a model: replies written by hand, run for real."""
