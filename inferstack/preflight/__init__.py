"""Looks at an account before anything is made in it: read-only, every finding with its fix.

One check a file in ``checks``; ``checks.CHECKS`` lists them in the order they are shown.
"""
