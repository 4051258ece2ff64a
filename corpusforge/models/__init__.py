"""Language models behind one interface: requests in, journalled completions out."""
