"""The dashboards as code: what each shows is said here once, and written to grafana/dashboards as JSON."""
