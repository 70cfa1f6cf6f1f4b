"""The back door: look at every row, and configure what the console also does; states change through the service only."""

from orchestration.admin import channels, notify, people, plan, records, sources, work  # noqa: F401  (each registers its models)
