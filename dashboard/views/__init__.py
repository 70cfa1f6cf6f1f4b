"""The operator's pages: each view reads what was asked, calls one method of the service, and shows the answer."""
