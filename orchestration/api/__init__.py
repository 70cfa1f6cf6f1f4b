"""The API's routers and schemas: parse, call one method of the service, render."""
