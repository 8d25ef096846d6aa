"""The only code that touches the world: small values of the domain come out, or one exception a meaning."""
