"""decontaminate"""
