"""The way from one stack to another of the same product: what stays, is made and goes, step by step, with ways back.

Everything follows from the two plans. Nothing is done here: the steps are for a person (docs/moving.md).
"""
