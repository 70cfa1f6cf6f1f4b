"""Requests to plans, plans to rows, and everything that a person does to a publication or a wave."""
