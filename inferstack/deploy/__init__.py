"""Deploys, removes and refreshes a stack through Pulumi's Automation API: the real engine, driven by us."""
