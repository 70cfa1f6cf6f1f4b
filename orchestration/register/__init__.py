"""The register of channels: their states, calendars, sources and consents."""
