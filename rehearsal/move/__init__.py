"""A move between two stacks, rehearsed: a shell runs the printed steps while visitors write and read (DV10)."""
