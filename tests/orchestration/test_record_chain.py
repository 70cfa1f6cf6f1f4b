"""Whatever is changed in the record past its guards is named: any entry, any column, on both databases."""

import gzip
import hashlib
import json
import threading
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, models, transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.models import Channel
from orchestration import tasks
from orchestration.core import anchors, append_only, seal_digests, sealing
from orchestration.core.permissions import Actor
from orchestration.errors import InvalidRequest
from orchestration.models import Activity, KeptReport, Seal, SealBlock
from orchestration.monitoring import background, invariants, record_retention
from orchestration.monitoring.record_check import verify
from orchestration.monitoring.record_retention import RecordNotWhole
from orchestration.service import CentralOrchestrationService
from tests import factories

pytestmark = pytest.mark.django_db
DAYS = (200, 100, 1)
"""How many days ago the three blocks of the chain below were sealed."""
OTHERWISE = {
    "timestamp": lambda row: row.timestamp + timedelta(microseconds=1),
    "object_id": lambda row: row.object_id + 1,
    "action": lambda row: 2,
    "actor_id": lambda row: 4711,
    "content_type_id": lambda row: row.content_type_id + 1,
    "remote_port": lambda row: 80,
    "remote_addr": lambda row: "192.0.2.9",
    "before": lambda row: {"state": "paused"},
    "after": lambda row: None,
    "changes": lambda row: {},
    "additional_data": lambda row: {"members": {"channel": [1]}},
    "serialized_data": lambda row: {},
}
"""Another value for each column that holds no text; texts get one letter more."""


@pytest.fixture
def chain() -> list[Activity]:
    """Return nine entries about one channel, sealed in three blocks."""
    channel = factories.ChannelFactory.build(pk=1)
    now = timezone.now()
    rows = []
    for days in DAYS:
        at = now - timedelta(days=days)
        rows += factories.ActivityFactory.create_batch(3, subject=channel, timestamp=at, actor_id=7)
        assert sealing.seal(now=at) == 3
    assert verify().is_whole, verify().findings
    return rows


@contextmanager
def unguarded():
    """Stand where the owner of the database stands, who can pass any trigger."""
    with append_only.may_take_away(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL session_replication_role = replica")
        yield
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL session_replication_role = origin")


def change(row: models.Model, **values: object) -> None:
    with unguarded():
        assert models.QuerySet(type(row)).filter(pk=row.pk).update(**values) == 1


def remove(*rows: models.Model) -> None:
    with unguarded():
        for row in rows:
            assert models.QuerySet(type(row)).filter(pk=row.pk)._raw_delete("default") == 1


def found() -> set[tuple[str, str]]:
    return {(finding.kind, finding.subject) for finding in verify().findings}


def test_the_digest_is_over_every_column():
    assert set(seal_digests.FIELDS) == {field.attname for field in Activity._meta.concrete_fields}


def test_any_single_change_removal_or_insertion_is_named(chain):
    columns = [name for name in seal_digests.FIELDS if name != "id"]

    @settings(max_examples=80)
    @given(data=st.data())
    def holds(data):
        with transaction.atomic():
            row = data.draw(st.sampled_from(chain), label="entry")
            how = data.draw(st.sampled_from(["change", "remove", "insert", "unseal", "reseal"]), label="how")
            if how == "change":
                column = data.draw(st.sampled_from(columns), label="column")
                make = OTHERWISE.get(column, lambda row: f"{getattr(row, column) or ''}x")
                change(row, **{column: make(row)})
                expected = ("changed", f"entry {row.pk}")
            elif how == "remove":
                remove(row)
                expected = ("removed", f"entry {row.pk}")
            elif how == "insert":
                back = data.draw(st.timedeltas(timedelta(days=1, hours=2), timedelta(days=900)), label="back")
                new = factories.ActivityFactory(
                    subject=factories.ChannelFactory.build(pk=2), timestamp=timezone.now() - back
                )
                assert sealing.seal() == 0, "what is too old is not sealed afterwards"
                expected = ("inserted", f"entry {new.pk}")
            elif how == "unseal":
                remove(Seal.objects.get(pk=row.pk))
                expected = ("chain", f"block {chain.index(row) // 3 + 1}")
            else:  # the entry with its seal, by somebody who can compute one
                change(row, reason="history rewritten")
                values = Activity.objects.filter(pk=row.pk).values(*seal_digests.FIELDS).get()
                change(Seal.objects.get(pk=row.pk), digest=seal_digests.of_entry(values))
                expected = ("chain", f"block {chain.index(row) // 3 + 1}")
            assert expected in found()
            assert how not in ("change", "remove", "insert") or len(found()) == 1, "and nothing else"
            transaction.set_rollback(True)

    holds()


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_block_that_is_changed_or_gone_is_named(chain, number):
    block = SealBlock.objects.get(number=number)
    anchors.drop()
    change(block, sealed_at=block.sealed_at + timedelta(seconds=1))
    assert ("chain", f"block {number}") in found()
    remove(SealBlock.objects.get(number=number))
    after = f"block {number + 1}" if number < 3 else "block 3"
    assert ("chain" if number < 3 else "anchor", after) in found()


def test_a_chain_that_was_made_anew_is_found_by_an_anchor_only(chain, monkeypatch):
    kept = verify().end
    assert anchors.drop().block == 3
    change(chain[4], actor_label="somebody else")
    remove(*Seal.objects.all(), *SealBlock.objects.all())
    monkeypatch.setattr(sealing, "MOST_ENTRIES", 3)
    monkeypatch.setattr(sealing, "LATEST_COMMIT", timedelta(days=900))
    assert (sealing.seal(), sealing.last_block().number) == (9, 3)
    (finding,) = verify().findings
    assert finding.kind == "anchor" and "another digest" in finding.sentence
    anchors.path().unlink()
    assert verify().is_whole, "nothing in the database can tell"
    assert not verify(given=[anchors.parse(kept)]).is_whole


def test_the_end_of_the_chain_cannot_be_cut_off_unnoticed(chain):
    anchors.drop()
    remove(*chain[6:], *Seal.objects.filter(block=3), SealBlock.objects.get(number=3))
    assert found() == {("anchor", "block 3")}


def test_anchors_of_a_database_that_was_put_back_end_with_its_take_over(chain):
    anchors.drop()
    remove(*chain[6:], *Seal.objects.filter(block=3), SealBlock.objects.get(number=3))
    factories.ActivityFactory()
    assert sealing.seal() > 0, "it is sealed before anybody takes it over"
    assert found() == {("anchor", "block 3")}
    anchors.note_taken_over()
    assert verify().is_whole
    assert anchors.drop().block == 3 and verify().is_whole


def test_an_anchor_comes_as_often_as_is_set_and_only_when_the_chain_has_grown(chain, settings):
    now = timezone.now()
    assert anchors.drop(now).block == 3
    assert anchors.drop(now + timedelta(days=1)) is None
    factories.ActivityFactory()
    sealing.seal()
    assert anchors.drop(now + timedelta(minutes=59)) is None
    assert anchors.drop(now + timedelta(minutes=61)).block == 4
    assert anchors.path().stat().st_mode & 0o777 == 0o600
    assert len(anchors.read()) == 2


def test_the_clock_seals_and_tells_an_anchor_outside(settings, monkeypatch):
    sent = []
    monkeypatch.setattr(
        "orchestration.notify.anchor_call._post", lambda url, said: sent.append((url, said)) or ""
    )
    settings.HEADEND_AUDIT_ANCHOR_URL = "https://witness.example.org/anchors"
    factories.ActivityFactory()
    tasks.seal_record()
    block = sealing.last_block()
    assert not sealing.unsealed(block).exists()
    ((url, said),) = sent
    assert url == settings.HEADEND_AUDIT_ANCHOR_URL
    assert (said["block"], said["digest"]) == (1, block.digest)


def test_an_anchor_is_not_sent_into_the_own_network_where_that_is_forbidden(settings):
    from orchestration.notify import anchor_call

    settings.HEADEND_AUDIT_ANCHOR_URL = "http://127.0.0.1:9/"
    settings.HEADEND_NOTIFY_PRIVATE_HOSTS = False
    assert "not a public address" in anchor_call.send(anchors.Anchor(timezone.now(), 1, "0" * 64))


@pytest.mark.postgres_only
@pytest.mark.django_db(transaction=True)
def test_what_is_committed_late_is_sealed_and_two_sealers_do_not_meet():
    begun, go_on = threading.Event(), threading.Event()
    late = []

    def slow() -> None:
        with transaction.atomic():
            late.append(factories.ActivityFactory(subject=factories.ChannelFactory.build(pk=1)).pk)
            begun.set()
            go_on.wait(20)
        connection.close()

    def holding() -> None:
        with transaction.atomic():
            assert sealing._alone()
            begun.set()
            go_on.wait(20)
        connection.close()

    other = threading.Thread(target=slow)
    other.start()
    assert begun.wait(20)
    early = factories.ActivityFactory(subject=factories.ChannelFactory.build(pk=1))
    assert early.pk > late[0]
    assert sealing.seal() == 1
    go_on.set()
    other.join()
    begun.clear()
    go_on.clear()
    other = threading.Thread(target=holding)
    other.start()
    assert begun.wait(20)
    assert sealing.seal() == 0
    go_on.set()
    other.join()
    assert sealing.seal() == 1
    assert set(Seal.objects.values_list("entry", "block")) == {(early.pk, 1), (late[0], 2)}
    assert verify().is_whole


# ------------------------------------------------------------------------------------------------------------- retention


def test_retention_exports_before_it_takes_away_and_the_chain_goes_on(chain):
    done = record_retention.prune(90, reason="the law")
    assert (done.first_block, done.last_block, done.entries) == (1, 2, 6)
    assert not Activity.objects.filter(pk__in=[row.pk for row in chain[:6]]).exists()
    file = Path(done.file)
    assert hashlib.sha256(file.read_bytes()).hexdigest() == done.sha256
    assert file.stat().st_mode & 0o777 == 0o600
    lines = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    blocks = [line["block"] for line in lines if "block" in line]
    assert [block["digest"] for block in blocks] == list(
        SealBlock.objects.filter(number__lte=2).values_list("digest", flat=True)
    )
    for line in lines:
        if "entry" in line:
            told = json.dumps(line["entry"], sort_keys=True, separators=(",", ":"))
            assert hashlib.sha256(told.encode()).hexdigest() == line["digest"]
    sealing.seal()
    assert verify().is_whole and verify().pruned_blocks == 2
    assert Activity.objects.get(verb="record_pruned").after["sha256"] == done.sha256
    assert record_retention.prune(90).entries == 0, "the entry about it is kept"
    change(SealBlock.objects.get(number=1), digest="0" * 64)
    assert ("chain", "block 2") in found()


def test_retention_takes_nothing_away_that_is_not_as_it_was_sealed(chain):
    change(chain[0], reason="history rewritten")
    with pytest.raises(RecordNotWhole):
        record_retention.prune(90)
    assert Activity.objects.filter(pk=chain[1].pk).exists()
    with pytest.raises(InvalidRequest, match="31 days"):
        record_retention.prune(30)


def test_everything_is_kept_unless_a_setting_says_otherwise(chain, settings):
    assert record_retention.prune_due() is None
    settings.HEADEND_KEEP_AUDIT_DAYS = 150
    assert record_retention.prune_due().last_block == 1


# ----------------------------------------------------------------------------------------------------------------- doors


def command(name: str, *options: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command(name, *options, stdout=out, stderr=out)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue()
    return 0, out.getvalue()


def test_the_command_says_what_was_changed_and_ends_with_1(chain):
    code, said = command("verify_audit")
    assert code == 0 and "The record is as it was sealed" in said and verify().end in said
    change(chain[4], actor_label="somebody else")
    code, said = command("verify_audit")
    assert code == 1 and f"Entry {chain[4].pk} was changed" in said
    code, said = command("verify_audit", "--json", "--anchor", f"3:{'0' * 64}")
    answer = json.loads(said)
    assert (code, answer["ok"]) == (1, False)
    assert {(each["kind"], each["subject"]) for each in answer["findings"]} == {
        ("changed", f"entry {chain[4].pk}"),
        ("anchor", "block 3"),
    }
    with pytest.raises(CommandError, match="is no anchor"):
        call_command("verify_audit", "--anchor", "3:abc")


def test_the_command_prunes_and_only_says_so_first(chain):
    code, said = command("prune_audit", "--days", "90", "--dry-run")
    assert code == 0 and "6 entries of blocks 1 to 2 would go" in said
    assert Activity.objects.filter(pk=chain[0].pk).exists()
    code, said = command("prune_audit", "--days", "5")
    assert code == 2 and "31 days" in said
    assert command("prune_audit", "--days", "90")[0] == 0
    assert not Activity.objects.filter(pk=chain[0].pk).exists()


@pytest.fixture
def ada(monkeypatch) -> CentralOrchestrationService:
    """Return the service as an administrator, without a broker behind it."""
    monkeypatch.setattr(background, "_send", lambda kind: None)
    return CentralOrchestrationService(actor=Actor("ada", "admin"))


def test_a_worker_reads_the_record_and_says_what_it_found(chain, ada):
    assert ada.check_record(reason="monthly").state == "asked"
    tasks.verify_record()
    told = background.last(background.VERIFICATION)
    assert (told.state, told.asked_by, told.findings) == ("succeeded", "ada", [])
    change(chain[4], reason="history rewritten")
    ada.check_record()
    tasks.verify_record()
    told = background.last(background.VERIFICATION)
    assert told.state == "failed" and any("changed" in finding for finding in told.findings)


def test_a_worker_takes_old_entries_away_and_says_for_whom_and_where_they_lie(chain, ada):
    ada.order_pruning(days=90, reason="the law")
    tasks.prune_record()
    told = background.last(background.PRUNING)
    assert told.state == "succeeded" and "audit_exports/audit-" in told.sentence
    assert Activity.objects.get(verb="record_pruned").reason == "the law (asked by ada)"
    assert not Activity.objects.filter(pk=chain[0].pk).exists()
    ada.order_pruning(days=90)
    tasks.prune_record()
    assert background.last(background.PRUNING).sentence == "Nothing is that old."


def test_a_worker_takes_nothing_away_that_is_not_as_it_was_sealed(chain, ada):
    change(chain[0], reason="history rewritten")
    ada.order_pruning(days=90)
    tasks.prune_record()
    assert background.last(background.PRUNING).state == "failed"
    assert Activity.objects.filter(pk=chain[1].pk).exists()


@pytest.mark.parametrize("days", [0, 30, 36_501])
def test_nobody_keeps_less_than_is_looked_at_or_longer_than_a_century(ada, days):
    with pytest.raises(InvalidRequest) as refusal:
        ada.order_pruning(days=days)
    assert refusal.value.field == "days" and not KeptReport.objects.exists()


def test_the_invariants_look_at_what_was_sealed_lately_and_at_all_when_asked(chain):
    change(chain[0], reason="history rewritten")
    assert invariants.check(ticking=False) == []
    assert [each.subject for each in invariants.check(ticking=False, everything=True)] == [
        f"entry {chain[0].pk}"
    ]
    change(chain[8], reason="history rewritten")
    assert [each.subject for each in invariants.check(ticking=False)] == [f"entry {chain[8].pk}"]


def test_the_page_of_the_system_says_how_the_record_stands(chain):
    door = CentralOrchestrationService()
    anchors.drop()
    said = {fact.name: (fact.value, fact.warning) for fact in door.get_installation().record}
    assert said["Sealed"] == ("9 entries in 3 blocks", "")
    assert said["Changing an entry"] == ("refused by the database", "")
    assert said["Last anchor"][0].startswith("block 3 at ")
    anchors.path().write_text("no anchor\n")
    said = {fact.name: (fact.value, fact.warning) for fact in door.get_installation().record}
    assert "line 1" in said["Last anchor"][1]
    assert ("anchor", anchors.path().name) in found()


def test_a_subject_that_is_gone_keeps_its_sealed_history(chain):
    Channel.objects.all().delete()
    sealing.seal()
    assert verify().is_whole
