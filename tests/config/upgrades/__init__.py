"""Migrations of an imagined next version, each way in a package: they belong to the app `config`, which has no tables."""
