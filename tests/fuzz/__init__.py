"""Fuzzing of everything that reads a file from elsewhere: what is planted, what reads it, and what must never be."""
