"""File formats of recordings, read without ever trusting a file: sizes are bounded, and nothing in it is run."""
