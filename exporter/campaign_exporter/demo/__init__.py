"""A simulated instance, the exporter, and a scripted incident, for people who want to see it work."""
