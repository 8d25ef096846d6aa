"""An Adobe Campaign Classic instance to run against: PostgreSQL, nlserver, endpoints, faults."""
