"""The program run by the real engine on a local cloud, with real hosts, and looked at from outside."""
