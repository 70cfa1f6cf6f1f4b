"""`{% url %}`, as Django has it, and faster where it leads to a page of the console; every template has it."""

from __future__ import annotations

from django import template
from django.template import defaulttags
from django.template.base import Parser, Token
from django.urls import NoReverseMatch
from django.utils.html import conditional_escape

from dashboard.addresses import reverse

register = template.Library()


@register.tag("url")
def do_url(parser: Parser, token: Token) -> PageAddress:
    """Read the tag as Django does."""
    read = defaulttags.url(parser, token)
    return PageAddress(read.view_name, read.args, read.kwargs, read.asvar)


class PageAddress(defaulttags.URLNode):
    """An address; what has names for its parts, or leads elsewhere, is left to Django."""

    def render(self, context: template.Context) -> str:
        """Write the address, or keep it for what follows."""
        name = self.view_name.resolve(context)
        if self.kwargs or not str(name).startswith("dashboard:"):
            return super().render(context)
        try:
            url = reverse(name, [arg.resolve(context) for arg in self.args])
        except NoReverseMatch:
            if self.asvar is None:
                raise
            url = ""
        if self.asvar:
            context[self.asvar] = url
            return ""
        return conditional_escape(url) if context.autoescape else url
