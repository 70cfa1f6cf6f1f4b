"""List the commands about what assistants propose."""

import argparse
import json
from collections.abc import Sequence
from typing import Any

from orchestration.api.proposals import shown
from orchestration.api.schemas.proposals import ProposalDetail, ProposalOut
from orchestration.cli import arguments
from orchestration.cli.command import Command, reason
from orchestration.cli.layout import table
from orchestration.states import ProposalState


def _table(rows: Sequence[dict[str, Any]]) -> list[str]:
    return table(
        ["id", "state", "what", "by", "until", "why"],
        [
            [row["id"], row["state"], row["title"], row["token"], row["expires_at"], row["reason"]]
            for row in rows
        ],
        empty="nothing is proposed",
    )


def _whole(row: dict[str, Any]) -> list[str]:
    said = [*_table([row]), "", f"{row['operation']} {json.dumps(row['arguments'], sort_keys=True)}"]
    if row["preview"] is not None:
        said += ["", "It would do:", json.dumps(row["preview"], indent=2)]
    if row["answer"] is not None:
        said += ["", "It did:", json.dumps(row["answer"], indent=2)]
    return said


def _list_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--state", choices=ProposalState.values, default="", help="only these")


def _one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=arguments.row_id, help="id of the proposal")


def _named(parser: argparse.ArgumentParser) -> None:
    _one(parser)
    arguments.add_reason(parser)


PROPOSALS = (
    Command(
        "proposals",
        "list what assistants propose",
        lambda s, o: [shown(row) for row in s.get_proposals(state=o.state)],
        list[ProposalOut],
        _table,
        _list_options,
    ),
    Command(
        "proposal",
        "show what an assistant proposes, and what it would do",
        lambda s, o: shown(s.get_proposal(proposal_id=o.id), whole=True),
        ProposalDetail,
        _whole,
        _one,
    ),
    Command(
        "proposal-confirm",
        "let an assistant make what it proposes, as it was shown",
        lambda s, o: shown(s.confirm_proposal(proposal_id=o.id, reason=reason(o))),
        ProposalOut,
        lambda row: _table([row]),
        _named,
    ),
    Command(
        "proposal-refuse",
        "let what an assistant proposes not be made",
        lambda s, o: shown(s.refuse_proposal(proposal_id=o.id, reason=reason(o))),
        ProposalOut,
        lambda row: _table([row]),
        _named,
    ),
)
