"""What runs on a host. Nothing but Python's standard library (3.10 or newer) is there."""
