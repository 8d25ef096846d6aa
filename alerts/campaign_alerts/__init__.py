"""The rules for Prometheus, as code: `make rules` writes alerts/rules and docs/alerts.md from here and from values.yaml."""
