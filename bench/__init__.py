"""Measures what the server costs: processor time per request on one core, memory of a worker, time to its first answer.

``python -m bench`` (or ``make bench``) runs everything in one go and writes a JSON file and Markdown tables."""
