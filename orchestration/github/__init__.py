"""GitHub Actions: dispatch and watch runs, answer their calls, keep each channel's repository as its configuration says."""
