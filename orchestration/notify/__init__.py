"""Tell people what needs them: follow each cause from its beginning to its end, and send what rules ask for."""
