"""What has to be true of a rehearsed stack, looked at from outside."""
