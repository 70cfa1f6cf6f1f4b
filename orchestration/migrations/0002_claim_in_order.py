"""Let the queue be read in the order in which it is claimed, jobs of equal rank, too."""

from django.db import migrations, models


class Migration(migrations.Migration):
    expands = True  # without the index that goes, a former version's claims take longer, and nothing else

    dependencies = [("orchestration", "0001_initial")]

    # The new index first: to take one away locks the table against everybody, so that comes when the building is done.
    operations = [
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("state__in", ["queued", "waiting"])),
                fields=["fast", "rank", "id"],
                name="job_in_order_to_claim",
            ),
        ),
        migrations.RemoveIndex(model_name="job", name="job_to_claim"),
    ]
