"""Examines whether the exporter sees all it needs, and what that costs: one module a subject, the rendering apart."""
