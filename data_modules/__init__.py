"""Recordings of people and hands: readers, the store of prepared sequences, transforms, batches, and a demo world."""
