"""What lands on a host, as pure functions: settings in, text out. Reads no file, calls no program, knows no Pulumi."""
