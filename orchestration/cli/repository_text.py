"""Write answers about channels' repositories as text for people."""

from orchestration.cli.layout import table, when
from orchestration.results.repositories import ProvisionPlan, RepositoryReport


def provision(plan: ProvisionPlan) -> list[str]:
    """Describe what giving a channel a repository writes, with each file's difference."""
    head = (
        "Dry run: nothing was written."
        if plan.dry_run
        else f"Being written by job {plan.job and plan.job.pk}."
    )
    there = "exists" if plan.exists else "is created"
    lines = [
        head,
        f"{plan.repository} {there}, {'private' if plan.private else 'public'}, branch {plan.branch}.",
    ]
    lines += [f"Against it: {problem}" for problem in plan.problems]
    lines += [f"{each.name}: {each.now or 'none'} -> {each.wanted}" for each in plan.settings]
    lines += [f"secret {name}" for name in plan.secrets]
    for each in plan.files:
        lines += ["", *each.diff.splitlines()]
    return lines


def repository(report: RepositoryReport) -> list[str]:
    """Describe what is known of a channel's repository."""
    if not report.repository:
        return [f"Channel {report.channel.name} has no repository."]
    lines = [
        f"{report.repository} ({report.repository_id or 'not seen yet'}), branch {report.branch}; secrets in "
        + (f"the environment {report.environment}." if report.environment else "the repository."),
        *(f"  {path} {sha}" for path, sha in sorted(report.files.items())),
        *(f"  secret {name}, stored {at}" for name, at in sorted(report.secrets.items())),
    ]
    lines += [f"  kept as it is there: {path}" for path in report.kept]
    if report.drift:
        lines += ["Changed by hand; say repository-resolve CHANNEL overwrite, or import:"]
        keys = ["what", "name", "recorded", "wanted", "there"]
        lines += table(keys, [[each[key] for key in keys] for each in report.drift])
    if report.public_acknowledged_at:
        lines.append(
            f"That it is public was acknowledged by {report.public_acknowledged_by} at "
            f"{when(report.public_acknowledged_at)}: {report.public_acknowledged_reason}"
        )
    return lines
