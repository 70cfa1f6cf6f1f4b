"""The whole configuration as YAML: written out, compared with what is there, and applied in one transaction."""
