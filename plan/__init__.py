"""The program run in process, dry: what a stack is made of, what it costs, what lands on its hosts, what is wrong.

Needs no engine, no account and no network.
"""
