"""The version of this Headend, as /healthz, pages, the command line, backups and the package tell it."""

VERSION = "0.1.0"
