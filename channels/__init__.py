"""The register: which channels exist, their slots, credentials, configuration, health and numbers."""
