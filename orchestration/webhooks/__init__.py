"""Tell other machines what happens: the record as a stream of events, read from outside or sent, signed."""
