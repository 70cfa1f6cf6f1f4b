"""The operator's pages: views, forms and template tags; no models, no rules."""
