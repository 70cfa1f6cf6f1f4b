"""What an assistant is offered over the Model Context Protocol: the API, with a person's word before each change."""
