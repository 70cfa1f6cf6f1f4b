"""What the service answers: typed values that API, pages and CLI render each in their way; a module a subject."""
