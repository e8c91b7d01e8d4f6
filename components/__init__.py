"""Component resources: each one decides something, so that an architecture only has to say what it is made of."""
