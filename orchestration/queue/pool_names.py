"""The pools that the engine draws on, by the names that they have in the database."""

SCRAPE, PROCESS, UPLOAD = "scrape", "process", "upload"
DISPATCH, UPLOADS, UNITS = "github_dispatches", "youtube_uploads", "youtube_units"
