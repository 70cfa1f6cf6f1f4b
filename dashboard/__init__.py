"""The screens of the operator: views, forms and template tags; no models, no rules."""
