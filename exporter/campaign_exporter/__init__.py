"""Prometheus exporter for Adobe Campaign Classic."""

__version__ = "0.1.0"
