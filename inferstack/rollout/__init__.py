"""Judges a new version by what is measured of it, and moves its share of the traffic step by step."""
