"""The engine: what is to happen, is happening and happened."""
